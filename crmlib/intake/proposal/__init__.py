"""The proposal: ``crmlib new`` turns a folder of exports into a client.yaml to correct."""

from crmlib.intake.proposal.new_client import new_client
from crmlib.intake.proposal.propose import Proposal, propose

__all__ = ["Proposal", "new_client", "propose"]
