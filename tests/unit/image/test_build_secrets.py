from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_run.errors import ConfigError
from aws_run.image.build_secrets import BuildSecrets, read_build_secrets


def settings_of(environ: dict[str, str]) -> dict[str, str]:
    text = (read_build_secrets(environ).settings or b"").decode()
    words = [shlex.split(line) for line in text.splitlines()]
    assert all(first == "export" for first, _ in words)
    return dict(pair.split("=", 1) for _, pair in words)


def test_a_machine_with_nothing_special_hands_nothing_over() -> None:
    assert read_build_secrets({"PATH": "/bin", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "x"}) == BuildSecrets()


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE"])
def test_the_ca_bundle_is_found_under_its_usual_names(tmp_path: Path, name: str) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"PEM")
    assert read_build_secrets({name: str(bundle)}).ca == b"PEM"


def test_a_folder_of_certificates_is_no_bundle(tmp_path: Path) -> None:
    assert read_build_secrets({"REQUESTS_CA_BUNDLE": str(tmp_path)}).ca is None


def test_a_bundle_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"PIP_CERT names .*absent\.pem"):
        read_build_secrets({"PIP_CERT": str(tmp_path / "absent.pem")})


def test_what_is_said_to_pip_is_said_to_uv_and_the_other_way_round() -> None:
    index, extra = "https://user:pass@example.com/simple", "https://more.example.com/simple"
    said = settings_of({"PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": extra, "PIP_TRUSTED_HOST": "example.com"})
    assert (said["UV_DEFAULT_INDEX"], said["UV_INDEX"], said["UV_INSECURE_HOST"]) == (index, extra, "example.com")
    assert settings_of({"UV_DEFAULT_INDEX": f"corp={index}"})["PIP_INDEX_URL"] == index
    assert settings_of({"UV_INDEX_URL": index})["PIP_INDEX_URL"] == index


def test_what_uv_was_told_itself_stands() -> None:
    said = settings_of({"PIP_INDEX_URL": "https://a", "UV_DEFAULT_INDEX": "https://b", "UV_INDEX_CORP_PASSWORD": "p"})
    assert (said["PIP_INDEX_URL"], said["UV_DEFAULT_INDEX"]) == ("https://a", "https://b")
    assert said["UV_INDEX_CORP_PASSWORD"] == "p"


def test_folders_of_this_machine_are_left_out_and_said() -> None:
    secrets = read_build_secrets({"PIP_EXTRA_INDEX_URL": "file:///srv/simple https://a /srv/other"})
    assert secrets.settings is not None
    assert b"srv" not in secrets.settings
    assert b"https://a" in secrets.settings
    assert secrets.left_out == ("PIP_EXTRA_INDEX_URL names a folder of this machine; the image build can't see it",)


def test_proxies_go_in_under_both_spellings_unless_they_are_on_this_machine() -> None:
    said = settings_of(
        {"https_proxy": "http://proxy:3128", "HTTP_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "localhost"}
    )
    assert said["HTTPS_PROXY"] == said["https_proxy"] == "http://proxy:3128"
    assert "HTTP_PROXY" not in said
    assert said["no_proxy"] == "localhost"


@settings(max_examples=20, deadline=None)
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(lambda text: text[0] not in "/.~")
)
def test_a_shell_reads_back_what_was_set_whatever_it_holds(value: str) -> None:
    secrets = read_build_secrets({"UV_INDEX_CORP_PASSWORD": value})
    if secrets.left_out:
        return
    assert secrets.settings is not None
    script = secrets.settings + b'printf %s "$UV_INDEX_CORP_PASSWORD"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": os.defpath})
    assert done.stdout.decode() == value


def test_secrets_do_not_show_in_a_repr() -> None:
    secrets = read_build_secrets({"PIP_INDEX_URL": "https://user:hunter2@example.com"})
    assert "hunter2" not in repr(secrets)
