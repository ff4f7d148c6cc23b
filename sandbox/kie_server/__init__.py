"""A local Kie.ai for the demo, the tests and the benchmarks: recorded shapes, faults on demand, real videos."""

from sandbox.kie_server.callback_bodies import FORGED_URL
from sandbox.kie_server.callbacks import Delivery, signature
from sandbox.kie_server.faults import Body, Call, EdgePage, Fault, Faults, LostAnswer, Refusal, Refusals, Slow
from sandbox.kie_server.gate import Seen
from sandbox.kie_server.limits import Limits
from sandbox.kie_server.models import Model
from sandbox.kie_server.scenarios import (
    CallbackPlan,
    Download,
    Failure,
    Failures,
    PendingCredits,
    PendingPath,
    ResultShape,
    Scenario,
    Unseen,
)
from sandbox.kie_server.server import KieServer
from sandbox.kie_server.storage import Stored
from sandbox.kie_server.tasks import Failed, Succeeded, Task

__all__ = [
    "FORGED_URL",
    "Body",
    "Call",
    "CallbackPlan",
    "Delivery",
    "Download",
    "EdgePage",
    "Failed",
    "Failure",
    "Failures",
    "Fault",
    "Faults",
    "KieServer",
    "Limits",
    "LostAnswer",
    "Model",
    "PendingCredits",
    "PendingPath",
    "Refusal",
    "Refusals",
    "ResultShape",
    "Scenario",
    "Seen",
    "Slow",
    "Stored",
    "Succeeded",
    "Task",
    "Unseen",
    "signature",
]
