"""What the local servers of the smaller vendors share: works, faults, a gate before every route, a host of files."""

from sandbox.vendors.faults import Body, Call, Faults, LostAnswer, Refusal, Slow
from sandbox.vendors.house import Seen, VendorServer
from sandbox.vendors.works import End, Plan, Work

__all__ = ["Body", "Call", "End", "Faults", "LostAnswer", "Plan", "Refusal", "Seen", "Slow", "VendorServer", "Work"]
