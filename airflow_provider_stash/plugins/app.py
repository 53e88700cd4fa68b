"""The app behind the page: its documents and what they show. Everything here is read; nothing is changed.

What a person does there (trigger, pause, resume) goes to Airflow's own REST API, with its permissions and audit log.
"""

from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from airflow_provider_stash.plugins.access import Access
from airflow_provider_stash.plugins.overview import overview, view
from airflow_provider_stash.plugins.repository import repository
from airflow_provider_stash.plugins.sessions import find_run, session

_STATIC = Path(__file__).parent / "static"
_PAGES = {"": "overview.html", "repository": "repository.html", "session": "session.html"}
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
_ASSETS = {path.relative_to(_STATIC).as_posix(): path for path in _STATIC.rglob("*") if path.suffix in _TYPES}
_HEADERS = {
    # Nothing is loaded from elsewhere, and no other site may frame the page.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
}


def _access(user: GetUserDep, database: SessionDep) -> Access:
    return Access(user, database)


AccessDep = Annotated[Access, Depends(_access)]


def create_app() -> FastAPI:
    """Make the app; each of its routes asks who is there."""
    app = FastAPI(title="Stash", docs_url=None, redoc_url=None, openapi_url=None)
    for name in _PAGES:
        app.add_api_route(f"/{name}", _page, methods=["GET"], include_in_schema=False)
    app.add_api_route("/assets/{name:path}", _asset, methods=["GET"], dependencies=[Depends(get_user)])
    app.add_api_route("/api/overview", _overview, methods=["GET"])
    app.add_api_route("/api/repository", _repository, methods=["GET"])
    app.add_api_route("/api/session", _session, methods=["GET"])
    return app


async def _page(request: Request) -> Response:
    try:
        await get_user(request, None, None)
    except HTTPException:
        return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)))
    name = request.url.path.rstrip("/").rpartition("/")[2]
    return FileResponse(
        _STATIC / _PAGES.get(name, _PAGES[""]), media_type="text/html; charset=utf-8", headers=_HEADERS
    )


def _asset(name: str) -> Response:
    path = _ASSETS.get(name)
    if path is None:
        raise HTTPException(404, f"There is no {name}.")
    return FileResponse(path, media_type=f"{_TYPES[path.suffix]}; charset=utf-8", headers=_HEADERS)


def _overview(access: AccessDep, database: SessionDep) -> dict[str, Any]:
    return overview(access, database)


def _repository(access: AccessDep, database: SessionDep, dag_id: str, task_id: str) -> dict[str, Any]:
    seen = view(access, database)
    backup = next((one for one in seen.backups if (one.dag_id, one.task_id) == (dag_id, task_id)), None)
    if backup is None:  # the same whether it is not there or not to be seen
        raise HTTPException(404, f"There is no backup {task_id} in a DAG {dag_id} that you may read.")
    return repository(seen, backup, database, results=access.may_read_results(dag_id))


def _session(
    access: AccessDep, database: SessionDep, dag_id: str, run_id: str | None = None
) -> dict[str, Any]:
    seen = view(access, database)
    if dag_id not in seen.readable:
        raise HTTPException(404, f"There is no DAG {dag_id} that you may read.")
    run = find_run(database, dag_id, run_id)
    if run is None and run_id is not None:
        raise HTTPException(404, f"DAG {dag_id} has no run {run_id}.")
    return session(database, seen.cards.get(dag_id), run, dag_id, results=access.may_read_results(dag_id))
