"""Names that hold secrets or only mean something on this machine, wherever they lie in a project."""

from __future__ import annotations

NEVER_NAMES = frozenset(
    {
        # versions: history holds what was deleted since
        ".git", ".hg", ".svn", ".bzr", ".jj",
        # passwords, tokens and keys
        ".aws", ".azure", ".boto", ".databrickscfg", ".direnv", ".docker", ".dockercfg", ".dockerconfigjson", ".env",
        ".envrc", ".git-credentials", ".gnupg", ".htpasswd", ".kaggle", ".kube", ".my.cnf", ".mylogin.cnf", ".netrc",
        "_netrc", ".npmrc", ".password-store", ".pgpass", ".pypirc", ".s3cfg", ".ssh", ".terraform", ".terraformrc",
        ".vault-token", ".yarnrc", ".yarnrc.yml",
        "id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk",
        # what was typed
        ".bash_history", ".psql_history", ".python_history", ".zsh_history",
        # only of use here
        "__pycache__", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".ds_store",
    }
)  # fmt: skip


def is_private(name: str) -> bool:
    """Whether a file or folder of this name stays out of every image. `.GIT` is `.git` on macOS and Windows."""
    folded = name.casefold()
    return folded in NEVER_NAMES or folded.startswith(".env.") or folded.endswith(".tfstate") or ".tfstate." in folded
