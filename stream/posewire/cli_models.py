"""The verbs `posewire models ...`: what ships, and what a model file says of itself."""

from __future__ import annotations

import json
from typing import Any

import typer

from posewire.console import Json, emit

models_app = typer.Typer(help="The models that ship, and any model file.", no_args_is_help=True, rich_markup_mode=None)


@models_app.command("list")
def models_list(as_json: Json = False) -> int:
    """List the models that ship."""
    from posewire_models.zoo import zoo_card, zoo_names

    cards = [zoo_card(name) for name in zoo_names()]
    lines = []
    for card in cards:
        lines.append(
            f"{card['name']:<20} {len(card['keypoints'])} keypoints, {card['bytes'] / 1e6:.2f} MB, "
            f"error {_error_text(card['error_px'])}; trained on {card['trained_on']['data']}"
        )
    emit({"models": cards}, "\n".join(lines), as_json)
    return 0


def _error_text(error: dict[str, Any]) -> str:
    value = error.get("value")
    return "not measured" if value is None else f"{value:.2f} px ({error.get('held_out', '')})"


@models_app.command("show")
def models_show(model: str, as_json: Json = False) -> int:
    """Show what a model file says of itself, and of a zoo model what its card adds."""
    from posewire_models.modelfile import read_contract
    from posewire_models.zoo import read_model, zoo_card, zoo_names

    file = read_model(model)
    fields = {**json.loads(read_contract(file).to_json()), "bytes": len(file.data), "sha256": file.sha256}
    if model in zoo_names():
        fields = zoo_card(model) | fields
    emit(fields, "\n".join(f"{name:<18} {value}" for name, value in fields.items()), as_json)
    return 0


@models_app.command("check")
def models_check(model: str, as_json: Json = False) -> int:
    """List every violation of the model file contract at once; runs the network at odd sizes."""
    from posewire_models.modelfile import ODD_SIZES, check_model

    contract, violations = check_model(model)
    sizes = ", ".join(f"{width}x{height}" for width, height in ODD_SIZES)
    text = "\n".join(violations) or f"{model}: keeps model file 1; ran at {sizes}"
    emit({"model": contract.name if contract else model, "violations": violations}, text, as_json)
    return 2 if violations else 0
