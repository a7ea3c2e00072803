"""Errors that Slack documents for each method that Koban calls.

Read from https://docs.slack.dev/reference/methods/{method}#errors, and from the enumerations of
https://github.com/slackapi/slack-api-specs (web-api/slack_web_openapi_v2.json).
"""

COMMON = frozenset(
    {
        *("access_denied", "accesslimited", "account_inactive", "deprecated_endpoint"),
        *("ekm_access_denied", "enterprise_is_restricted", "fatal_error", "internal_error"),
        *("invalid_arg_name", "invalid_arguments", "invalid_array_arg", "invalid_auth"),
        *("invalid_charset", "invalid_form_data", "invalid_json", "invalid_post_type"),
        *("json_not_object", "method_deprecated", "missing_post_type", "missing_scope"),
        *("no_permission", "not_allowed_token_type", "not_authed", "org_login_required"),
        *("ratelimited", "request_timeout", "service_unavailable", "team_access_not_granted"),
        *("team_added_to_org", "token_expired", "token_revoked", "two_factor_setup_required"),
        *("unknown_method", "upgrade_required"),
    }
)
"""Errors of every method."""

_MESSAGES = frozenset(
    {
        *("as_user_not_supported", "attachment_payload_limit_exceeded", "channel_not_found"),
        *("invalid_attachments", "invalid_blocks", "invalid_blocks_format"),
        *("invalid_metadata_format", "invalid_metadata_schema", "markdown_text_conflict"),
        *("metadata_must_be_sent_from_app", "metadata_too_large", "msg_blocks_too_long"),
        *("msg_too_long", "no_text", "rate_limited", "slack_connect_canvas_sharing_blocked"),
        *("slack_connect_file_link_sharing_blocked", "slack_connect_lists_sharing_blocked"),
        *("team_not_found", "too_many_attachments", "too_many_contact_cards"),
    }
)
_VIEWS = frozenset(
    {
        *("duplicate_external_id", "exchanged_trigger_id", "expired_trigger_id", "hash_conflict"),
        *("invalid_trigger_id", "not_enabled", "not_found", "push_limit_reached"),
        *("trigger_exchanged", "trigger_expired", "view_not_found", "view_too_large"),
    }
)
OWN: dict[str, frozenset[str]] = {
    "auth.test": frozenset(),
    "blocks.validate": frozenset(),
    "chat.delete": frozenset(
        {
            *("cant_delete_message", "channel_not_found", "compliance_exports_prevent_deletion"),
            *("message_not_found", "rate_limited", "restricted_action"),
        }
    ),
    "chat.getPermalink": frozenset({"channel_not_found", "message_not_found"}),
    "chat.postMessage": _MESSAGES
    | {
        *("cannot_reply_to_message", "duplicate_channel_not_found", "is_archived"),
        *("duplicate_message_not_found", "message_limit_exceeded", "messages_tab_disabled"),
        *("missing_file_data", "not_in_channel", "restricted_action"),
        *("restricted_action_non_threadable_channel", "restricted_action_read_only_channel"),
        *("restricted_action_thread_locked", "restricted_action_thread_only_channel"),
        *("send_on_behalf_not_allowed", "user_not_found", "user_not_visible", "user_disabled"),
        *("cannot_dm_bot", "thread_not_found"),
    },
    "chat.update": _MESSAGES
    | {
        *("block_mismatch", "cant_broadcast_message", "cant_update_message"),
        *("edit_window_closed", "external_channel_migrating", "file_share_limit_reached"),
        *("is_inactive", "message_not_found", "is_archived", "not_in_channel"),
        *("restricted_action", "update_failed"),
    },
    "chat.postEphemeral": _MESSAGES
    | {"is_archived", "messages_tab_disabled", "restricted_action", "user_not_in_channel"},
    "conversations.history": frozenset(
        {"channel_not_found", "invalid_cursor", "invalid_ts_latest", "invalid_ts_oldest"}
        | {"invalid_metadata_keys", "not_in_channel"}
    ),
    "conversations.list": frozenset({"invalid_cursor", "invalid_limit", "invalid_types"}),
    "conversations.open": frozenset(
        {
            *("channel_not_found", "invalid_user_combination", "not_enough_users"),
            *("method_not_supported_for_channel_type", "too_many_users", "user_disabled"),
            *("user_not_found", "user_not_visible", "users_list_not_supplied"),
        }
    ),
    "conversations.replies": frozenset(
        {"channel_not_found", "invalid_cursor", "invalid_ts_latest", "invalid_ts_oldest"}
        | {"invalid_metadata_keys", "not_in_channel", "thread_not_found"}
    ),
    "files.completeUploadExternal": frozenset(
        {
            *("channel_not_found", "file_not_found", "file_update_failed", "invalid_channel"),
            *("not_in_channel", "posting_to_channel_denied", "blocked_file_type"),
            *("file_uploads_disabled", "file_uploads_except_images_disabled"),
            *("internal_error", "storage_limit_reached", "posting_to_general_channel_denied"),
        }
    ),
    "files.delete": frozenset({"cant_delete_file", "file_deleted", "file_not_found"}),
    "files.getUploadURLExternal": frozenset(
        {
            *("file_upload_size_restricted", "file_uploads_disabled", "missing_argument"),
            *("file_uploads_except_images_disabled", "storage_limit_reached"),
            *("snippet_too_large", "unknown_subtype", "alt_text_too_large"),
        }
    ),
    "files.info": frozenset({"file_deleted", "file_not_found", "timezone_count_failed"}),
    "usergroups.list": frozenset({"paid_teams_only", "plan_upgrade_required", "user_is_bot"}),
    "usergroups.users.list": frozenset(
        {"no_such_subteam", "paid_teams_only", "plan_upgrade_required", "user_is_bot"}
    ),
    "users.info": frozenset({"user_not_found", "user_not_visible"}),
    "views.open": _VIEWS,
    "views.publish": _VIEWS,
    "views.push": _VIEWS,
    "views.update": _VIEWS | {"invalid_blocks"},
}
"""Further errors of each method."""


def errors_of(method: str) -> list[str]:
    """The documented errors of a method, in a fixed order."""
    return sorted(COMMON | OWN[method])
