"""From a client's exports to contract tables in a workspace, with an account of every row."""

from crmlib.intake.workspace import Workspace, take_in

__all__ = ["Workspace", "take_in"]
