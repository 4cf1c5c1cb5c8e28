from dataclasses import dataclass, field
from pathlib import Path

import pytest

from heimdall.app.settings import load, settings_of, values_of
from heimdall.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    port: int = 7373
    """Where it
    listens."""
    aliases: tuple[int, ...] = (4318,)
    """More ports."""
    open: bool = True
    """Whether it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    data: Path = Path("data")
    """Folder."""
    wait_s: float = 0.5
    """Seconds."""
    door: Door = field(default_factory=Door)


def test_defaults_need_nothing():
    assert load(House, None, {}, {}) == House()


def test_flags_win_over_environment_over_file(tmp_path):
    file = tmp_path / "house.toml"
    file.write_text("wait_s = 1\n[door]\nport = 1\naliases = [2, 3]\nopen = false\n", encoding="utf-8")
    environment = {"HEIMDALL_DOOR__PORT": "4", "HEIMDALL_DOOR__ALIASES": "5,6", "OTHER": "x"}
    house = load(House, file, environment, {"door.port": 7, "data": None})
    assert house == House(wait_s=1.0, door=Door(port=7, aliases=(5, 6), open=False))


@pytest.mark.parametrize(
    ("environment", "flags", "message"),
    [
        ({"HEIMDALL_DOOR__PROT": "1"}, {}, "did you mean door.port?"),
        ({"HEIMDALL_DOOR__PORT": "x"}, {}, "setting door.port must be an integer, not 'x'"),
        ({"HEIMDALL_DOOR__OPEN": "maybe"}, {}, "setting door.open must be true or false"),
        ({}, {"nothing_like_it_at_all": 1}, "heimdall config show lists all settings"),
    ],
)
def test_a_mistake_is_named_with_its_mend(environment, flags, message):
    with pytest.raises(Misconfigured, match=message.replace("?", r"\?")):
        load(House, None, environment, flags)


def test_a_file_with_an_unknown_key_names_the_nearest(tmp_path):
    file = tmp_path / "house.toml"
    file.write_text("[door]\nprot = 1\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"unknown setting door\.prot in .*did you mean door\.port"):
        load(House, file, {}, {})


def test_an_unreadable_or_broken_file_is_named(tmp_path):
    with pytest.raises(Misconfigured, match="No such file"):
        load(House, tmp_path / "none.toml", {}, {})
    (tmp_path / "broken.toml").write_text("= 1", encoding="utf-8")
    with pytest.raises(Misconfigured, match="not valid TOML"):
        load(House, tmp_path / "broken.toml", {}, {})


def test_settings_carry_their_meaning_and_values_their_names():
    settings = {setting.name: setting for setting in settings_of(House)}
    assert list(settings) == ["data", "wait_s", "door.port", "door.aliases", "door.open"]
    assert settings["door.port"].meaning == "Where it listens."
    assert settings["door.aliases"].type == "list of an integer"
    assert settings["door.port"].environment_variable == "HEIMDALL_DOOR__PORT"
    assert dict(values_of(House()))["door.open"] is True
