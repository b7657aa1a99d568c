from django.db import migrations

from zhaoyin.desk.evidence.guards import installer
from zhaoyin.desk.reports import guards

GUARDS = [
    guards.month_rows("reports_entry"),
    guards.month_rows(
        "projects_milestone",
        mark="mark",
        keep=("project_id", "kind", "mark", "fact_on", "verified_on", "verified_by_id", "period", "adjusts"),
    ),
    guards.month_rows(
        "deals_agreement",
        mark="mark",
        keep=("kind", "mark", "signed_on", "amount_fen", "outside_fen", "currency", "period", "adjusts"),
    ),
    guards.month_rows(
        "deals_capital",
        mark="mark",
        keep=(
            "project_id", "received_on", "amount_fen", "cny_fen", "currency", "rate", "origin", "use", "mark",
            "voucher_sha256", "period", "adjusts",
        ),
    ),
    guards.month_rows(
        "deals_commitment",
        mark="mark",
        keep=("project_id", "side", "text", "amount_fen", "due_on", "mark", "period"),
    ),
    guards.month_itself(),
    guards.published("reports_published", "month_id"),
    guards.published("reports_rollup", "period"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0001_initial"),
        ("projects", "0002_lifecycle"),
        ("deals", "0002_lifecycle"),
    ]
    operations = [
        migrations.RunPython(installer(guard), installer(guard, remove=True), elidable=False)
        for guard in GUARDS
    ]
