"""The connection to Discord, with every cog and every button that outlives a restart."""

from __future__ import annotations

from collections.abc import Callable

from bot import media
from bot.client import CutsceneClient, point_library_at
from bot.composition.outside import Outside
from bot.composition.services import Services
from bot.ports import Clock
from bot.services.answers import Answers
from bot.services.credits import Credits
from bot.services.exports import Exports
from bot.services.grants import Grants
from bot.services.job_desk import JobDesk
from bot.services.moderation import Moderation
from bot.services.policies import Policies
from bot.services.quotas import Quotas
from bot.services.statistics import StatisticsDesk
from bot.services.words import Words
from bot.settings import Settings
from bot.store.database import Database
from cogs import credits as credits_cog
from cogs import generate as generate_cog
from cogs import help as help_cog
from cogs import jobs as jobs_cog
from cogs import moderation as moderation_cog
from cogs import privacy as privacy_cog
from cogs import quotas as quotas_cog
from cogs import server as server_cog
from cogs.credits import CreditsCog
from cogs.generate import Generate
from cogs.help import Help
from cogs.host import HostCog
from cogs.jobs import JobsCog
from cogs.moderation import ModerationCog
from cogs.privacy import PrivacyCog
from cogs.quotas import QuotasCog
from cogs.server import ServerCog
from cogs.statistics import StatisticsCog
from cogs.words import WordsCog

# The buttons that outlive a restart, by the module of the cog that acts for them.
CONTROLS = (
    *generate_cog.CONTROLS,
    *jobs_cog.CONTROLS,
    *credits_cog.CONTROLS,
    *quotas_cog.CONTROLS,
    *server_cog.CONTROLS,
    *help_cog.CONTROLS,
    *moderation_cog.CONTROLS,
    *privacy_cog.CONTROLS,
)


def build(
    settings: Settings,
    database: Database,
    clock: Clock,
    outside: Outside,
    services: Services,
    wake: Callable[[], None],
) -> CutsceneClient:
    """*wake* tells the worker that there is something to do."""
    point_library_at(settings.discord_api_url, settings.discord_gateway_url)
    availability, estimates, folders = services.availability, services.estimates, services.folders
    return CutsceneClient(
        cogs=[
            Generate(
                generation=services.generation,
                pictures=outside.pictures,
                availability=availability,
                estimates=estimates,
                jobs=services.jobs,
                clips=media.Clips(
                    inputs=settings.folders.inputs, results=settings.folders.results, downloads=outside.downloads
                ),
                credits=Credits(database, clock),
                substitutes=services.substitutes,
                answers=Answers(database, clock, services.lifecycle, wake),
                markup=services.markup,
                assistance=services.assistance,
            ),
            JobsCog(jobs=services.jobs, availability=availability),
            CreditsCog(credits=Credits(database, clock)),
            ServerCog(policies=Policies(database, clock), availability=availability),
            QuotasCog(quotas=Quotas(database, clock), grants=Grants(database, clock), clock=clock),
            ModerationCog(
                moderation=Moderation(database, clock, services.lifecycle),
                staff_log=services.staff_log,
                desk=JobDesk(database, clock, services.lifecycle),
                availability=availability,
            ),
            PrivacyCog(
                privacy=services.privacy, inputs=folders.inputs, results=folders.results, scratch=settings.folders.cache
            ),
            WordsCog(words=Words(database, clock)),
            HostCog(hosting=services.hosting, availability=availability, owner_ids=settings.discord_owner_ids),
            StatisticsCog(
                desk=StatisticsDesk(database, clock),
                exports=Exports(database, clock),
                scratch=settings.folders.cache,
                charts=media.Charts(settings.folders.cache),
                availability=availability,
            ),
            Help(availability=availability, estimates=estimates, health=services.model_health, markup=services.markup),
        ],
        dynamic_items=CONTROLS,
        is_served=services.hosting.serves,
        owner_ids=settings.discord_owner_ids,
        memory=services.memory,
    )
