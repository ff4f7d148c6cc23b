"""What was asked for cannot be made, or not here."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.problems import Problem, Rule
from bot.errors.trunk import UserError
from bot.i18n import N_, Texts

RULE_TEXTS: Mapping[Rule, str] = {
    Rule.PROMPT_OR_IMAGE: N_("**prompt**: write what the video should show, or attach an **image**."),
    Rule.PROMPT_REQUIRED: N_("**prompt**: this model needs words beside the picture. Say what should happen in it."),
    Rule.PROMPT_TOO_SHORT: N_("**prompt**: {given} characters are too few; this model needs at least {limit}."),
    Rule.PROMPT_TOO_LONG: N_("**prompt**: {given} characters are too many; this model takes at most {limit}."),
    Rule.TOO_MANY_SHOTS: N_(
        "**prompt**: each line is a shot, and {given} are too many; this video can have at most {limit}."
    ),
    Rule.MODE_TEXT_MISSING: N_("**image**: {model} only animates pictures. Attach one, or choose another model."),
    Rule.MODE_IMAGE_MISSING: N_(
        "**image**: {model} does not start from a picture. Leave it out, or choose another model."
    ),
    Rule.MODE_REFERENCE_MISSING: N_(
        "**{field}**: {model} takes no reference pictures. Leave them out, or choose another model."
    ),
    Rule.MODE_FOLLOW_UP: N_(
        "**model**: {model} only works on finished videos. Use the button under one, or choose another model."
    ),
    Rule.FOLLOW_UP_MISSING: N_("**model**: {model} cannot do that with a finished video."),
    Rule.OPTION_MISSING: N_("**{field}**: this model does not have this option. Leave it out."),
    Rule.OPTION_VALUE: N_("**{field}**: `{given}` is not possible. This model offers {offered}; nearest: `{nearest}`."),
    Rule.OPTION_COMBINATION: N_("**{field}**: `{given}` does not go with the other options; try `{nearest}`."),
    Rule.OPTION_RANGE: N_("**{field}**: `{given}` is not possible. This model takes {lowest} to {highest}."),
    Rule.OPTION_LENGTH: N_("**{field}**: {given} characters are too many; this model takes at most {limit}."),
    Rule.LAST_FRAME_ALONE: N_("**last_frame**: {model} needs the first one too. Attach it as **image**."),
    Rule.LAST_FRAME_REQUIRED: N_("**last_frame**: {model} goes from one picture to another. Attach the last one too."),
    Rule.FRAMES_OR_REFERENCES: N_("**{field}**: {model} takes either frames or references. Leave one of them out."),
    Rule.TOO_MANY_REFERENCES: N_("**{field}**: {given} references are too many; this model takes at most {limit}."),
    Rule.SOURCE_LENGTH: N_("The video lasts {given} s; this model takes at most {limit} s."),
    Rule.SOURCE_BYTES: N_("The video has {given} MB; this model takes at most {limit} MB."),
    Rule.IMAGE_FORMAT: N_("**{field}**: this model does not take {given}; it takes {offered}."),
    Rule.IMAGE_BYTES: N_("**{field}**: {given} MB is too large; this model takes at most {limit} MB."),
    Rule.IMAGE_TOO_SMALL: N_("**{field}**: {given} pixels are too few; each side needs at least {limit}."),
    Rule.IMAGE_TOO_LARGE: N_("**{field}**: {given} pixels are too many; each side may have at most {limit}."),
    Rule.IMAGE_RATIO: N_(
        "**{field}**: {given} is too long and narrow; width divided by height must be between {lowest} and {highest}."
    ),
}


class InvalidRequestError(UserError):
    """The request breaks one of the model's rules; nothing was spent."""

    text = ""  # One text per rule.

    def __init__(self, problem: Problem) -> None:
        super().__init__(rule=problem.rule, field=problem.field, **problem.values)
        self.problem = problem

    def message(self, texts: Texts, **shown: object) -> str:
        return texts(RULE_TEXTS[self.problem.rule], **{**self.values, **shown})


class UnknownModelError(UserError):
    text = N_("**model**: there is no model `{given}`. Did you mean `{nearest}`? `/models` lists them all.")


class ModelUnavailableError(UserError):
    text = N_("**model**: {model} is switched off at the moment. Try `{successor}` instead.")


class ModelRetiredError(ModelUnavailableError):
    text = N_("**model**: {model} was switched off by its maker on {since}. Try `{successor}` instead.")


class AdultsOnlyError(UserError):
    text = N_("**{field}**: `{given}` is only possible in channels with an age limit.")


class NothingToDoError(UserError):
    text = N_("No model can do that with this video at the moment.")


class UnconfirmedError(UserError):
    text = N_(
        "This video costs {price} credits. This server wants that to be confirmed first; ask again with `/video`."
    )


class PriceChangedError(UserError):
    text = N_("The price has changed to {price} credits. Nothing was charged; ask again if you still want it.")


class JustAskedError(UserError):
    text = N_("You have just asked for exactly this: job {job} is on its way.")


class MissingPermissionsError(UserError):
    text = N_("I may not post videos here. Ask a moderator to give me: {permissions}.")


class BusyError(UserError):
    text = N_("The bot is slow at the moment. Nothing was charged or changed. Click again in a moment.")


class StaleControlError(UserError):
    text = N_("This button is no longer active.")


class StaleFormError(UserError):
    text = N_(
        "This form was open for too long, or I was restarted meanwhile. Nothing was changed; please open it again."
    )
