"""The synthetic brand "Aurora Beauty", its ground truth, and the CDNOW customer base.

``python -m crmlib.sample`` writes ``data/aurora`` byte for byte as committed;
``python -m crmlib.sample.cdnow`` writes ``data/cdnow`` from the public data set.
Nothing here is needed to analyse a client's data.
"""
