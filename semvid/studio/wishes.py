"""What somebody wants of a video on the page: the settings that its panels share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from semvid.core.checked import Field
from semvid.core.config import CLASSES, MODELS, AllocationConfig, CompressConfig, ImageConfig, MapsConfig
from semvid.core.errors import ConfigError
from semvid.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Wishes:
    """Settings of maps and of their effect."""

    maps: MapsConfig = MapsConfig()
    """The model and its focus."""
    allocation: AllocationConfig = AllocationConfig()
    """Strength and background."""

    @classmethod
    def of(cls, config: CompressConfig | ImageConfig) -> Wishes:
        """Return those of an encode."""
        if isinstance(config, CompressConfig):
            return cls(config.maps, config.allocation)
        allocation = AllocationConfig(strength=config.strength, background_weight=config.background_weight)
        return cls(config.maps, allocation)

    def plain(self) -> dict[str, Any]:
        """Return what ``changed`` reads, with every class."""
        return {
            "focus": {name: self.maps.focus.weight(name) for name in CLASSES},
            "strength": self.allocation.strength,
            "background": self.allocation.background_weight,
            "model": self.maps.chosen_model,
        }

    def changed(self, wanted: Field) -> Wishes:
        """Return these settings with changes.

        Args:
            wanted: An object with any of ``focus`` (weights of any classes), ``strength``, ``background`` and
                ``model`` (a name; files are not taken).

        Raises:
            Malformed: It has another form.
            ConfigError: A value is out of range.
        """
        given = {name: _READ[name](wanted.get(name)) for name in wanted.known(*_READ).mapping()}
        if given.get("model") == self.maps.chosen_model:
            # It may be a file that the user's defaults name.
            del given["model"]
        if given.get("model", MODELS[0]) not in MODELS:
            raise ConfigError(f"the model {given['model']} is unknown; choose one of {', '.join(MODELS)}")
        weights = {**self.maps.focus.weights, **given.get("focus", {})}
        return Wishes(
            replace(
                self.maps,
                model=given.get("model", self.maps.model),
                focus=replace(self.maps.focus, weights=weights),
            ),
            replace(
                self.allocation,
                strength=given.get("strength", self.allocation.strength),
                background_weight=given.get("background", self.allocation.background_weight),
            ),
        )


def _weights(field: Field) -> dict[str, float]:
    field.known(*CLASSES)
    return {name: field.get(name).number() for name in field.mapping()}


_READ: Mapping[str, Callable[[Field], Any]] = {
    "focus": _weights,
    "strength": Field.number,
    "background": Field.number,
    "model": Field.text,
}
