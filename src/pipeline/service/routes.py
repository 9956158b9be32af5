"""What can be asked of the service, and in which form it answers."""

import asyncio
import mimetypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pipeline.errors import ProjectError
from pipeline.ready import json_lines
from pipeline.service import guard, page
from pipeline.service.answers import encode, model_card, prediction_list
from pipeline.service.bundle import Bundle
from pipeline.service.inputs import row_schema
from pipeline.service.prediction import explain, predict
from pipeline.service.reading import CSV, FORMS, JSON, MAX_BYTES, MAX_ROWS, PARQUET, read_body
from pipeline.service.refusals import RefusedError
from pipeline.service.schemas import Answer, Explanation, Health, some
from pipeline.tables import to_pandas

BODY_SECONDS = 60  # in which a body has to come
QUEUE_SECONDS = 30  # that a request waits for a free processor
STATIC = Path(__file__).parent / "static"
DATA = {"parquet": PARQUET, "csv": CSV, "jsonl": "application/jsonl"}
BINARY = {"type": "string", "format": "binary"}
BLOCK = 10_000  # rows that are turned into JSON lines at a time


def make_app(bundle: Bundle, token: str | None = None) -> FastAPI:
    """Make the service of a bundle.

    Args:
        token: what a caller has to know; None where everybody may ask.
    """
    app = FastAPIOffline(
        title=bundle.title,
        version=bundle.package.version or "0",
        description=f"{bundle.package.description or ''}\n\nThe model has the version `{bundle.version}`.",
        dependencies=[Security(HTTPBearer(auto_error=False))] if token else [],
        responses=some(401) if token else {},
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},
    )
    app.add_middleware(guard.Guard, token=token)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    free = asyncio.Semaphore(processors())
    form_page = page.render(bundle, closed=token is not None)

    async def work(function: Callable[..., Any], *arguments: Any) -> Any:
        """Call what takes long in a thread, as many at a time as there are processors."""
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await free.acquire()
        except TimeoutError:
            raise RefusedError(503, "The service is busy; try again later.") from None
        try:
            return await asyncio.to_thread(function, *arguments)
        finally:
            free.release()

    content = {
        JSON: {"schema": one_or_many()},
        CSV: {"schema": {"type": "string", "description": "A header with the fields' names; other columns are kept."}},
        PARQUET: {"schema": BINARY},
    }

    @app.post(
        "/predict",
        summary="Predict one row, many rows, or a file",
        responses=some(400, 408, 413, 415, 422, 503)
        | {
            200: {
                "model": Answer,
                "content": {
                    CSV: {"schema": {"type": "string"}},
                    PARQUET: {"schema": BINARY},
                },
            }
        },
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    async def predict_rows(request: Request) -> Response:
        """JSON (a row, a list of rows, or `{"rows": [...]}`) gets JSON. A CSV or Parquet file comes back with the
        columns `predicted`, `probability_…` and `notes`; with `Accept: application/json` it gets JSON, too."""
        form = form_of(request)
        content = await receive(request)
        answer_form = JSON if form == JSON or wants_json(request) else form

        def answer() -> bytes:
            body = read_body(content, form, bundle.inputs)
            return encode(body, predict(bundle, body.table), bundle, answer_form)

        return Response(await work(answer), media_type=answer_form)

    @app.post(
        "/explain",
        summary="Predict one row, and say what moved the prediction",
        response_model=Explanation,
        responses=some(400, 408, 413, 415, 422, 503),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Row"}}},
            }
        },
    )
    async def explain_row(request: Request) -> Response:
        """Each value is replaced by the typical one of the training part, one at a time: `change` is how much higher
        the prediction is with the value that was given. The changes need not add up."""
        if form_of(request) != JSON:
            raise RefusedError(415, f"The body has to be {JSON}.")
        content = await receive(request)

        def answer() -> dict[str, Any]:
            table = read_body(content, JSON, bundle.inputs).table
            if len(table) != 1:
                raise RefusedError(422, "One row is explained at a time.")
            predicted, changes = explain(bundle, table)
            said = prediction_list(bundle, predicted)[0]
            return {"model": model_card(bundle), "prediction": said, "changes": changes}

        return JSONResponse(await work(answer))

    @app.get(
        "/data",
        summary="The ready table",
        response_class=Response,
        responses=some(422, 503) | {200: {"content": {kind: {"schema": BINARY} for kind in DATA.values()}}},
    )
    def data(
        request: Request,
        format: Annotated[
            Literal["parquet", "csv", "jsonl"] | None, Query(description="Else as `Accept` says, or Parquet.")
        ] = None,
    ) -> Response:
        """All rows that the model learned from (`part`: train) and was judged by (test), streamed."""
        format = format or accepted(request, {kind: name for name, kind in DATA.items()}) or "parquet"
        if format == "jsonl":
            stem = bundle.path(f"{bundle.name}.parquet")
            name = f'attachment; filename="{bundle.name}.jsonl"'
            return StreamingResponse(lines(stem), media_type=DATA[format], headers={"Content-Disposition": name})
        return send_file(bundle, f"{bundle.name}.{format}", DATA[format], download=True)

    @app.get("/schema", summary="What a row has to look like, as JSON Schema", responses={})
    def schema() -> dict[str, Any]:
        """Types, units, descriptions, ranges and categories as contract.yaml says."""
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **row_schema(bundle.inputs)} | {
            "examples": [bundle.example]
        }

    @app.get(
        "/metadata",
        summary="What the data are, as Croissant (JSON-LD)",
        response_class=Response,
        responses=some(503) | {200: {"content": {"application/ld+json": {"schema": {"type": "object"}}}}},
    )
    def metadata() -> Response:
        return send_file(bundle, "croissant.json", "application/ld+json")

    @app.get("/health", summary="Whether the service is well, and which model it has")
    def health() -> Health:
        return Health(status="ok", bundle=bundle.name, version=bundle.version)

    @app.get("/", include_in_schema=False)
    def form() -> HTMLResponse:
        return HTMLResponse(form_page, headers={"Content-Security-Policy": page.POLICY})

    @app.get("/report", include_in_schema=False)
    def report() -> Response:
        return send_file(bundle, "report.html")

    @app.get("/bundle/{name}", include_in_schema=False)
    def file(name: str) -> Response:
        return send_file(bundle, name)

    @app.post("/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        """Give a browser a cookie for the token, so that pages and links work."""
        given = guard.token_in_form(await receive(request))
        if token is None or not guard.same(given, token):
            return HTMLResponse(guard.LOGIN.read_text(encoding="utf-8").replace("hidden", ""), 401)
        answer = RedirectResponse("./", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(guard.COOKIE, guard.cookie_of(token), httponly=True, samesite="strict", secure=secure)
        return answer

    @app.get("/logout", include_in_schema=False)
    def logout() -> Response:
        """Have a browser forget the token."""
        answer = RedirectResponse("./", 303)
        answer.delete_cookie(guard.COOKIE)
        return answer

    add_refusals(app)
    app.openapi = lambda: openapi(app, bundle)
    return app


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_or_many() -> dict[str, Any]:
    row = {"$ref": "#/components/schemas/Row"}
    many = {"type": "array", "items": row, "minItems": 1, "maxItems": MAX_ROWS}
    rows = {"type": "object", "properties": {"rows": many}, "required": ["rows"], "additionalProperties": False}
    return {"oneOf": [row, many, rows]}


def openapi(app: FastAPI, bundle: Bundle) -> dict[str, Any]:
    """The description of the API, with the schema of a row that the contract makes."""
    if not app.openapi_schema:
        described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        described["components"]["schemas"]["Row"] = row_schema(bundle.inputs) | {"examples": [bundle.example]}
        app.openapi_schema = described
    return app.openapi_schema


def add_refusals(app: FastAPI) -> None:
    """Have every mistake answered in the same form, without a word about the inside."""

    @app.exception_handler(RefusedError)
    def refused(_: Request, error: RefusedError) -> JSONResponse:
        headers = {"Retry-After": "5"} if error.status == 503 else None
        return JSONResponse(error.content(), error.status, headers)

    @app.exception_handler(ProjectError)
    def changed(_: Request, error: ProjectError) -> JSONResponse:
        return JSONResponse({"detail": "The bundle was changed since it was verified.", "errors": []}, 503)

    @app.exception_handler(HTTPException)
    def no_such(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"detail": str(error.detail), "errors": []}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"row": None, "field": str(each["loc"][-1]), "problem": each["msg"], "remedy": ""}
            for each in error.errors()
        ]
        return JSONResponse({"detail": "A parameter is wrong.", "errors": errors[:10]}, 422)

    @app.exception_handler(Exception)
    def failed(_: Request, error: Exception) -> JSONResponse:  # it is logged where the service runs, and only there
        return JSONResponse({"detail": "The service failed; its log says more.", "errors": []}, 500)


def form_of(request: Request) -> str:
    """Which of the FORMS a body has, by its Content-Type; JSON where none is named."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in FORMS:
        raise RefusedError(415, f"The body has to be one of {', '.join(FORMS)}.")
    return FORMS[kind]


def accepted(request: Request, kinds: dict[str, str]) -> str | None:
    """The first of some media types that a caller accepts by name."""
    for part in request.headers.get("accept", "").split(","):
        if (kind := part.partition(";")[0].strip().lower()) in kinds:
            return kinds[kind]
    return None


def wants_json(request: Request) -> bool:
    return accepted(request, {JSON: JSON, CSV: CSV, PARQUET: PARQUET}) == JSON


async def receive(request: Request) -> bytes:
    """The body, if it is not too long and comes in time."""
    length = request.headers.get("content-length", "0")
    too_long = RefusedError(413, f"A body has at most {MAX_BYTES:,} bytes.")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise too_long
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise too_long
    except ClientDisconnect:
        raise RefusedError(400, "The body ended too early.") from None
    except TimeoutError:
        raise RefusedError(408, f"The body did not come within {BODY_SECONDS} s.") from None
    return bytes(content)


def send_file(bundle: Bundle, name: str, kind: str | None = None, download: bool = False) -> FileResponse:
    """A file of the bundle, streamed; its ETag is its sha256."""
    path = bundle.path(name)
    if path is None:
        raise HTTPException(404, "The bundle has no such file.")
    guessed = kind or TEXTS.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"ETag": f'"{bundle.files[name]}"'}
    return FileResponse(path, media_type=guessed, headers=headers, filename=name if download else None)


TEXTS = dict.fromkeys((".md", ".yaml", ".cff", ".py", ".txt", ""), "text/plain; charset=utf-8")


def lines(path: Path) -> Iterator[str]:
    """The rows of a Parquet file as JSON lines, some at a time."""
    for batch in pq.ParquetFile(path).iter_batches(BLOCK, use_threads=False):
        yield "".join(json_lines(to_pandas(pa.Table.from_batches([batch]))))
