from zhaoyin.cli import main

main(prog_name="zhaoyin")
