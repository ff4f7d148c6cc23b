"""The errors Discord answers with: status, numeric code and text, each under the name of what went wrong.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

from sandbox.discord_server.wire import JSON


class APIError(Exception):
    """An answer other than success; the edge turns it into the JSON that Discord sends."""

    def __init__(self, status: int, code: int, message: str, errors: JSON | None = None) -> None:
        super().__init__(f"{status}/{code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> JSON:
        body: JSON = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


def unauthorized() -> APIError:
    return APIError(401, 0, "401: Unauthorized")


def no_such_route() -> APIError:
    return APIError(404, 0, "404: Not Found")


def method_not_allowed() -> APIError:
    return APIError(405, 0, "405: Method Not Allowed")


def malformed_json() -> APIError:
    return APIError(400, 50109, "The request body contains invalid JSON.")


def unknown_channel() -> APIError:
    return APIError(404, 10003, "Unknown Channel")


def unknown_guild() -> APIError:
    return APIError(404, 10004, "Unknown Guild")


def unknown_member() -> APIError:
    return APIError(404, 10007, "Unknown Member")


def unknown_message() -> APIError:
    return APIError(404, 10008, "Unknown Message")


def unknown_user() -> APIError:
    return APIError(404, 10013, "Unknown User")


def unknown_webhook() -> APIError:
    return APIError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> APIError:
    return APIError(404, 10062, "Unknown interaction")


def unknown_command() -> APIError:
    return APIError(404, 10063, "Unknown application command")


def unknown_command_permissions() -> APIError:
    return APIError(404, 10066, "Unknown application command permissions")


def not_for_bots() -> APIError:
    return APIError(403, 20001, "Bots cannot use this endpoint")


def unknown_entitlement() -> APIError:
    return APIError(404, 10070, "Unknown Entitlement")


def too_large() -> APIError:
    return APIError(413, 40005, "Request entity too large")


def not_in_forum() -> APIError:
    return APIError(400, 40058, "Cannot message this channel until it is converted into a thread")


def already_acknowledged() -> APIError:
    return APIError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> APIError:
    return APIError(403, 50001, "Missing Access")


def not_the_author() -> APIError:
    return APIError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> APIError:
    return APIError(400, 50006, "Cannot send an empty message")


def cannot_message_user() -> APIError:
    return APIError(403, 50007, "Cannot send messages to this user")


def not_a_text_channel() -> APIError:
    return APIError(400, 50008, "Cannot send messages in a non-text channel")


def missing_permissions() -> APIError:
    return APIError(403, 50013, "Missing Permissions")


def invalid_token() -> APIError:
    return APIError(401, 50027, "Invalid Webhook Token")


def archived_thread() -> APIError:
    return APIError(400, 50083, "Thread is archived")


def blocked_by_automod() -> APIError:
    return APIError(400, 200000, "Message was blocked by automatic moderation")


def locked_thread() -> APIError:
    return APIError(403, 160005, "Thread is locked")


def cannot_reply_without_history() -> APIError:
    return APIError(400, 160002, "Cannot reply without permission to read message history")
