from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.image.support import LAYER, SCRIPT, config_of, write

from aws_run.config import Build
from aws_run.errors import ConfigError
from aws_run.image.docker.build_secrets import BuildSecrets, about_passwords, read_build_secrets
from aws_run.image.plan import ImagePlan, plan_image


def settings_of(environ: dict[str, str], *, passwords: bool = True) -> dict[str, str]:
    text = (read_build_secrets(environ, passwords=passwords).settings or b"").decode()
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


def test_a_dockerfile_finds_the_bundle_under_each_programs_name_if_it_mounts_it(tmp_path: Path) -> None:
    """pip before 24.2 reads PIP_CERT alone, requests its own, and OpenSSL a third."""
    bundle = tmp_path / "secrets-ca"
    said = read_build_secrets({}, mounted=True).settings or b""
    assert said, "a step that reads the settings works on a machine that has nothing to say, too"
    script = said.replace(b"/run/secrets/ca", str(bundle).encode()) + b'echo "$PIP_CERT $SSL_CERT_FILE $CURL_CA_BUNDLE"'
    for content, names in (("", b""), ("PEM", b" ".join([str(bundle).encode()] * 3))):
        bundle.write_text(content)
        done = subprocess.run(["sh", "-ec", script], capture_output=True, check=True, env={"PATH": os.defpath})
        assert done.stdout.strip() == names


WITH_PASSWORDS = {
    "PIP_INDEX_URL": "https://reader:hunter2@example.com/simple",
    "UV_INDEX": "corp=https://reader:hun@ter2@a.example/simple https://b.example/@scope/simple",
    "UV_INDEX_CORP_USERNAME": "hunter2",
    "UV_INDEX_CORP_PASSWORD": "hunter2",
    "https_proxy": "http://me:hunter2@proxy.example:3128",
    "NO_PROXY": "localhost",
}


def test_a_dockerfile_that_nobody_trusts_gets_addresses_without_passwords() -> None:
    exports = settings_of(WITH_PASSWORDS, passwords=False)
    assert "hunter2" not in repr(exports)
    assert "ter2" not in repr(exports)
    assert exports == {
        "PIP_INDEX_URL": "https://example.com/simple",
        "UV_DEFAULT_INDEX": "https://example.com/simple",
        "UV_INDEX": "corp=https://a.example/simple https://b.example/@scope/simple",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "https_proxy": "http://proxy.example:3128",
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
    }


@given(
    st.text(
        st.characters(exclude_characters=" \t\n\r/\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0", exclude_categories=["Z", "Cs"]),
        min_size=9,
    )
)
def test_no_password_of_any_form_is_left_in_an_address(password: str) -> None:
    secrets = read_build_secrets({"UV_INDEX": f"https://u:{password}@example.com/simple"}, passwords=False)
    assert secrets.withheld
    assert secrets.settings == b"export UV_INDEX=https://example.com/simple\n"


def plan_of(root: Path, files: dict[str, str | bytes], *, trust: bool = False) -> ImagePlan:
    config = config_of(write(root, files), build=Build(trust_dockerfile=trust))
    return plan_image(config, entrypoint_layer=lambda: LAYER)


MOUNTS: dict[str, str | bytes] = {
    "Dockerfile": 'FROM x\nRUN --mount=type=secret,id=settings cat /run/secrets/settings\nCMD ["x"]\n'
}


@pytest.mark.parametrize(
    ("files", "trust", "message"),
    [
        (MOUNTS, False, "Dockerfile gets PIP_INDEX_URL without the passwords"),
        (MOUNTS, True, "Dockerfile can read the passwords in PIP_INDEX_URL"),
        ({"Dockerfile": 'FROM x\nCOPY settings.py /\nCMD ["x"]\n'}, False, None),
        ({"main.py": SCRIPT, "requirements.txt": "numpy\n"}, False, None),
        ({"main.py": SCRIPT, "requirements.txt": "./evil\n"}, False, "runs its own build code, which can read"),
    ],
)
def test_it_is_told_who_can_read_the_passwords(
    tmp_path: Path, files: dict[str, str | bytes], trust: bool, message: str | None
) -> None:
    plan = plan_of(tmp_path, files, trust=trust)
    passwords = trust or "Dockerfile" not in files
    secrets = read_build_secrets({"PIP_INDEX_URL": "https://a:b@example.com/simple"}, passwords=passwords)
    notice = about_passwords(plan, secrets)
    assert (notice is None) == (message is None)
    assert notice is None or (message or "") in notice.text
    assert about_passwords(plan, read_build_secrets({"PIP_INDEX_URL": "https://example.com/simple"})) is None


def test_trust_is_no_part_of_the_image(tmp_path: Path) -> None:
    assert plan_of(tmp_path, MOUNTS).tag == plan_of(tmp_path, MOUNTS, trust=True).tag


def test_a_variable_that_the_user_names_is_a_setting_of_our_recipe_and_a_secret_of_a_dockerfile() -> None:
    environ = {"TOKEN": "it's", "OTHER": "x"}
    ours = read_build_secrets(environ, named=["TOKEN"])
    assert ours.by_name() == {"settings": b"export TOKEN='it'\"'\"'s'\n"}
    assert ours.with_passwords == ("TOKEN",)
    own = read_build_secrets(environ, passwords=False, named=["TOKEN"], mounted=True)
    assert own.by_name()["TOKEN"] == b"it's"
    assert "it's" not in repr((ours, own))
    with pytest.raises(ConfigError, match="NAMED, which is not set"):
        read_build_secrets(environ, named=["NAMED"])
