// What is wrong with how the open page is laid out, as sentences; an empty list where nothing is.
// least: how large words in pictures must be at least, in CSS pixels (12 px are 9 pt).
({ least }) => {
  const wrong = new Set();
  const wide = document.documentElement.clientWidth;
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const told = (element) => {
    const words = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 50);
    return `<${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}> in ` +
      `${element.closest("section, header, nav, main, body").id || "the page"}: ${words}`;
  };
  // What stands left of the screen is meant to be heard only.
  const aside = (box) => box.right <= 0 || box.width <= 1 || box.height <= 1;

  if (document.documentElement.scrollWidth > wide) {
    wrong.add(`the page is ${document.documentElement.scrollWidth} px wide on a screen of ${wide}`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    if (!shown(element) || element.closest("svg svg, svg *")) continue;
    const box = element.getBoundingClientRect();
    if (aside(box)) continue;
    if (box.right > wide + 1 || box.left < -1) wrong.add(`wider than the screen: ${told(element)}`);
    const style = getComputedStyle(element);
    if (style.overflowX !== "visible" && style.overflowX !== "auto" && element.scrollWidth > element.clientWidth + 1) {
      wrong.add(`cut at its side: ${told(element)}`);
    }
    if (style.overflowY === "hidden" && element.scrollHeight > element.clientHeight + 1) {
      wrong.add(`cut below: ${told(element)}`);
    }
  }

  // Words stay within the box that they stand in.
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = words.nextNode(); node; node = words.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("svg, style, script") || !shown(parent)) continue;
    let block = parent;
    while (["inline", "contents"].includes(getComputedStyle(block).display)) block = block.parentElement;
    const box = block.getBoundingClientRect();
    if (aside(box)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      if (line.right > box.right + 1.5 || line.left < box.left - 1.5) wrong.add(`out of its box: ${told(block)}`);
    }
  }

  // Words of pictures are large enough, whole, and apart.
  for (const picture of document.querySelectorAll("svg.crm-picture")) {
    if (!shown(picture)) continue;
    const frame = picture.getBoundingClientRect();
    const name = picture.closest("figure")?.querySelector("h3")?.textContent || picture.getAttribute("aria-label");
    const texts = [...picture.querySelectorAll("text")].filter((one) => one.textContent.trim());
    const boxes = texts.map((one) => one.getBoundingClientRect());
    texts.forEach((text, place) => {
      const at = text.getScreenCTM(), box = boxes[place];
      const size = parseFloat(getComputedStyle(text).fontSize) * Math.hypot(at.a, at.b);
      if (size < least - 0.05) wrong.add(`${(size * 0.75).toFixed(1)} pt in “${name}”`);
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1) wrong.add(`cut in “${name}”: ${text.textContent}`);
      for (let other = place + 1; other < texts.length; other++) {
        const next = boxes[other];
        const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
        const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
        if (across > 1.5 && down > 0.3 * Math.min(box.height, next.height)) {
          wrong.add(`one over the other in “${name}”: ${text.textContent} | ${texts[other].textContent}`);
        }
      }
    });
  }
  return [...wrong];
}
