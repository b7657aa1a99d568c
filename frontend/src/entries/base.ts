import "@tabler/core/dist/css/tabler.min.css";
import "../styles/tokens.css";
import "../styles/components.css";
import "../styles/house.css";
import "../styles/desk.css";
import "../styles/projects.css";
import "../styles/policies.css";

import { $ } from "../lib/dom";
import { startHtmx } from "../lib/htmx";
import { startPopover } from "../lib/popover";
import { startShell } from "../lib/shell";
import { startToasts } from "../lib/toast";

startHtmx();
startToasts();
startPopover();
startShell();

// Charts are heavy: only a page that has one pays for them, also when it arrives by a swap.
const charts = (): void => {
  if ($("[data-chart]")) void import("./charts").then(({ drawAll }) => drawAll());
};
charts();
document.addEventListener("htmx:afterSettle", charts);
