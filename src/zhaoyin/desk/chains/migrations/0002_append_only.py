from django.db import migrations

from zhaoyin.desk.evidence.guards import append_only, installer

GUARD = append_only("chains_chainversion")


class Migration(migrations.Migration):
    dependencies = [("chains", "0001_initial")]

    operations = [migrations.RunPython(installer(GUARD), installer(GUARD, remove=True))]
