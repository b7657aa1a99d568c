from django.db import migrations

from zhaoyin.desk.evidence.guards import append_only, installer

GUARD = append_only("evidence_auditentry")


class Migration(migrations.Migration):
    dependencies = [("evidence", "0002_initial")]

    operations = [migrations.RunPython(installer(GUARD), installer(GUARD, remove=True))]
