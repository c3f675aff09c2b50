"""What of the SDK's clients a devnet is not for: each method with the reason."""

from __future__ import annotations

_PERPS = "perpetual futures are another venue"
_COMBOS = "combos are quoted off the order book, by a service that a devnet lacks"
_SOCIAL = "comments and profiles: nobody trades by them"
_CATALOGUE = "the catalogue of sports, series and tags: a devnet's markets belong to none"
_FIGURES = "figures about whole markets and accounts, which no trade depends on"
_RANKS = "rankings of accounts and builders"
_RETURNS = "collateral returns belong to combos"

OUT_OF_SCOPE = {
    **dict.fromkeys(
        (
            "deposit_to_perps", "fetch_perps_book", "fetch_perps_builder_status", "fetch_perps_fees",
            "fetch_perps_instruments", "fetch_perps_position_snapshots", "fetch_perps_registration",
            "fetch_perps_ticker", "fetch_perps_tickers", "list_perps_candles", "list_perps_funding_history",
            "list_perps_trades", "open_perps_session", "revoke_perps_credentials", "withdraw_from_perps",
        ),
        _PERPS,
    ),
    **dict.fromkeys(
        (
            "accept_combo_quote", "fetch_rfq_status", "list_combo_activity", "list_combo_markets",
            "list_combo_positions", "open_rfq_session", "request_combo_quote", "wait_for_combo_fill",
        ),
        _COMBOS,
    ),
    **dict.fromkeys(("execute_collateral_return_plan", "plan_collateral_return"), _RETURNS),
    **dict.fromkeys(
        ("get_comment_thread", "get_public_profile", "list_comments", "list_comments_by_user_address", "search"),
        _SOCIAL,
    ),
    **dict.fromkeys(
        (
            "get_event_tags", "get_market_tags", "get_related_tag_resources", "get_related_tags",
            "get_series", "get_sports", "get_sports_market_types", "get_tag", "list_series", "list_tags",
            "list_teams",
        ),
        _CATALOGUE,
    ),
    **dict.fromkeys(
        (
            "download_accounting_snapshot", "get_event_live_volume", "get_open_interests", "get_resolutions",
            "get_user_pnl", "get_user_stats", "get_user_volume", "list_market_holders",
        ),
        _FIGURES,
    ),
    **dict.fromkeys(
        (
            "get_builder_volumes", "get_trader_leaderboard_standing", "list_biggest_winners",
            "list_builder_leaderboard", "list_trader_leaderboard",
        ),
        _RANKS,
    ),
}  # fmt: skip
