"""From a client's exports to contract tables in a workspace, with an account of every row."""

from crmlib.intake.workspace import Workspace, open_workspace, take_in

__all__ = ["Workspace", "open_workspace", "take_in"]
