"""ID tokens are fetched anew each time, again where GitHub has a bad moment, and not where it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.github.id_tokens import SUBJECT, IdTokens, id_tokens, jwt
from tests.unit.fakes import FakeClock

from aws_run.aws.errors import is_transient
from aws_run.errors import AwsCallError, CredentialsError
from aws_run.github.id_token import IdTokenSource, id_token_source, subject_of


@pytest.fixture
def provider() -> Iterator[IdTokens]:
    with id_tokens() as made:
        yield made


def source(provider: IdTokens, clock: FakeClock | None = None) -> IdTokenSource:
    return IdTokenSource(url=provider.url, request_token=provider.request_token, clock=clock or FakeClock())


def test_each_fetch_is_a_new_token_for_sts(provider: IdTokens) -> None:
    fetched = [source(provider).fetch(), source(provider).fetch()]
    assert fetched == provider.given
    assert len(set(fetched)) == 2
    assert subject_of(fetched[0]) == SUBJECT


def test_a_bad_moment_is_waited_out(provider: IdTokens) -> None:
    provider.failures = [503, 0, 500]
    clock = FakeClock()
    assert source(provider, clock).fetch() == provider.given[0]
    assert clock.slept == [1.0, 2.0, 4.0]


def test_one_that_lasts_is_an_error_that_may_pass(provider: IdTokens) -> None:
    provider.failures = [503] * 10
    with pytest.raises(AwsCallError) as failed:
        source(provider).fetch()
    assert is_transient(failed.value)


def test_a_refusal_is_none(provider: IdTokens) -> None:
    clock = FakeClock()
    wrong = IdTokenSource(url=provider.url, request_token="other", clock=clock)
    with pytest.raises(CredentialsError) as refused:
        wrong.fetch()
    assert clock.slept == []
    assert "id-token: write" in str(refused.value.hint)


def test_where_the_job_has_no_permission_the_message_says_what_to_write() -> None:
    with pytest.raises(CredentialsError) as refused:
        id_token_source({"ACTIONS_ID_TOKEN_REQUEST_URL": "https://example.com"})
    assert "id-token: write" in str(refused.value.hint)


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.e30.c", "a.W10.c", "..", jwt(sub=None)])
def test_a_subject_that_can_not_be_read_is_empty_or_text(token: str) -> None:
    assert isinstance(subject_of(token), str)


def test_no_secret_is_in_what_a_traceback_would_show(provider: IdTokens) -> None:
    assert provider.request_token not in repr(source(provider))
