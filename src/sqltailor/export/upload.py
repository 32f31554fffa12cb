"""Upload an exported folder to a repository on the Hugging Face Hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sqltailor.errors import BackendError, ConfigError, require


def push(folder: Path, *, repo: str, private: bool = False, left_out: Sequence[str] = ()) -> str:
    """Make the repository unless it exists, upload a folder as one commit, and return its address.

    `repo`: `NAME` or `ORGANISATION/NAME`; one that is there keeps its visibility. `left_out` are files that stay
    here. HF_TOKEN holds the token, HF_ENDPOINT another Hub. Raises `ConfigError` without a token, `BackendError` for
    what the Hub refuses.
    """
    hub = require("huggingface_hub", extra="local", feature="The Hub")
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled

    token = os.environ.get("HF_TOKEN")
    if not token:
        raise ConfigError(
            "The Hub needs a token with write access in HF_TOKEN (environment or .env): "
            "https://huggingface.co/settings/tokens. Without uploading: --no-upload"
        )
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    try:
        made = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(repo_id=made.repo_id, folder_path=str(folder), ignore_patterns=list(left_out))
    except HFValidationError as e:
        raise ConfigError(f"--repo '{repo}' is not a repository name: {e}") from e
    except HfHubHTTPError as e:
        raise BackendError(_refusal(e, repo, api.endpoint)) from e
    except OfflineModeIsEnabled as e:
        raise BackendError("HF_HUB_OFFLINE is set, so nothing is uploaded. Unset it, or use --no-upload.") from e
    except (HTTPError, OSError) as e:
        raise BackendError(f"The Hub at {api.endpoint} cannot be reached: {e}. Later, or --no-upload.") from e
    return str(made)


def _refusal(error: Exception, repo: str, endpoint: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    remedy = {
        401: "HF_TOKEN is not valid there",
        403: f"HF_TOKEN may not write to '{repo}': it needs write access, to the organisation too",
        404: f"'{repo}' does not exist or is not visible to HF_TOKEN",
        429: "too many requests: wait, and give the command again",
    }.get(status or 0, str(error).strip().splitlines()[0])
    return f"The Hub at {endpoint} refused (HTTP {status}): {remedy}. The folder is kept."
