"""The papers of an audit sample: one folder with an index, the log's chain, the models and one file a decision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisions.report import INTEGER, Column, Report, Table, number, text
from serving.audit_sample import SAME, SAME_FROM_INPUTS

if TYPE_CHECKING:
    from models.registry import Settings
    from serving.audit_sample import Paper
    from serving.decision_log import Verdict

READ_ME = """Papers of a sample of decisions

index.html, index.xlsx   every decision of the sample with the outcome of its replay
chain.json               the decision log's hash chain: records, head, whether every hash and link holds
decisions/ID.json        a decision as it was logged (request, inputs of the models, answer, policies, ledger, who asked), its
                         place in the chain, every number computed again, and the person's decision about it
models/NAME-VERSION.json the registered model: run, digest of its files, parameters, metrics, who promoted it and when
replay one of them:      tradecredit replay DECISION_ID
"""


def sample_report(
    found: Sequence[Paper | tuple[str, str]],
    verdict: Verdict,
    *,
    of: int,
    count: int,
    seed: int,
    kinds: Sequence[str],
    out: Path,
) -> Report:
    """Return the index of a sample as a report; its exit code is 1 where anything does not hold."""
    import pandas as pd

    rows = []
    for one in found:
        if isinstance(one, tuple):
            rows.append(
                {"decision_id": one[0], "kind": "erased", "outcome": "not replayed", "why": one[1], "numbers": 0}
            )
            continue
        content = one.record.content
        answer = content.get("answer", {})
        rows.append({
            "decision_id": one.record.decision_id, "sequence": one.record.sequence, "kind": content["kind"], "decided_at": content["decided_at"][:19],
            "customer_id": answer.get("customer_id"), "by": content.get("by") or answer.get("by"),
            "said": answer.get("action") or answer.get("recommendation") or "", "outcome": one.outcome, "why": one.why, "numbers": len(one.numbers),
            "model": "; ".join(f"{n} {m['version']}" for n, m in content.get("models", {}).items()),
            "answered_by": None if one.answered_by is None else one.answered_by.content["answer"].get("by"),
        })  # fmt: skip
    frame = pd.DataFrame(rows, columns=["decision_id", "sequence", "kind", "decided_at", "customer_id", "said", "by", "answered_by", "model",
                                        "outcome", "numbers", "why"])  # fmt: skip
    today = datetime.now(UTC).date()
    same = int(frame["outcome"].isin([SAME, SAME_FROM_INPUTS]).sum())
    columns = [
        text("decision_id", "decision"), number("sequence", "record", INTEGER), text("kind", "kind"), text("decided_at", "at (UTC)"), text("customer_id", "customer"),
        text("said", "answer"), text("by", "by"), text("answered_by", "decided by"), Column(name="model", label="models", is_wide=True),
        text("outcome", "replay"), number("numbers", "numbers compared", INTEGER), text("why", "remark"),
    ]  # fmt: skip
    is_sound = same == len(frame) and verdict.is_whole
    return Report(
        name="audit_sample", title="Audit sample of decisions", as_of=_last(frame, today), known_to=today,
        command=f"tradecredit audit sample --n {count} --seed {seed} " + " ".join(f"--kind {k}" for k in kinds) + f" --out {out}",
        facts={
            "sample": f"{len(frame):,} of {of:,} decisions of kind {', '.join(kinds)}, seed {seed}", "the_same_to_the_last_digit": f"{same:,}, of them {int((frame['outcome'] == SAME_FROM_INPUTS).sum()):,} from the logged inputs only",
            "chain": f"{verdict.records:,} records, every hash and link holds" if verdict.is_whole else f"broken at record {verdict.broken_at}: {verdict.why}",
            "head": verdict.head,
        },
        tables=[Table(name="decisions", title="Decisions of the sample", columns=columns, frame=frame)], exit_code=0 if is_sound else 1,
    )  # fmt: skip


def _last(frame: Any, today: date) -> date:
    days = frame["decided_at"].dropna()
    return today if days.empty else date.fromisoformat(str(days.max())[:10])


def write_papers(settings: Settings, found: Sequence[Paper | tuple[str, str]], verdict: Verdict, out: Path) -> None:
    """Write every file of the folder but the index."""
    (out / "decisions").mkdir(parents=True, exist_ok=True)
    (out / "README.txt").write_text(READ_ME, encoding="utf-8")
    _write(out / "chain.json", {"records": verdict.records, "head": verdict.head, "whole": verdict.is_whole,
                                "broken_at": verdict.broken_at, "why": verdict.why})  # fmt: skip
    versions: set[tuple[str, str]] = set()
    for one in found:
        if isinstance(one, tuple):
            _write(
                out / "decisions" / f"{one[0]}.json", {"decision_id": one[0], "outcome": "not replayed", "why": one[1]}
            )
            continue
        _write(out / "decisions" / f"{one.record.decision_id}.json", one.as_json())
        versions |= {(name, str(m["version"])) for name, m in one.record.content.get("models", {}).items()}
    for name, version in sorted(versions):
        _write(out / "models" / f"{name}-{version}.json", _model(settings, name, version))


def _model(settings: Settings, name: str, version: str) -> dict[str, Any]:
    from ledger.errors import InputError
    from models import registry

    try:
        served = registry.load(settings, name, version)
    except InputError as gone:
        return {"model": name, "version": version, "why_not": str(gone)}
    return {
        "model": name, "version": version, "run_id": served.run_id, "digest": served.digest, "promoted_at": served.promoted_at,
        "promoted_by": served.promoted_by, "parameters": served.parameters, "metrics": served.metrics, "tags": served.tags,
    }  # fmt: skip


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
