import "../styles/chain.css";

import { SankeyChart } from "echarts/charts";
import { AriaComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import cytoscape from "cytoscape";

import { $, $$, say } from "../lib/dom";

echarts.use([SankeyChart, AriaComponent, TooltipComponent, SVGRenderer]);

interface Flow { source: string; target: string; relation: string; weight: number; evidence: string; skips: boolean }
interface Place { id: string; name: string; x: number; y: number; kind: string }
interface Drawing { width: number; height: number; wide: number; tall: number; nodes: Place[]; flows: Flow[]; sankey: Flow[] }

const token = (name: string): string => getComputedStyle(document.body).getPropertyValue(`--zy-${name}`).trim();

/** A point off the straight line from a to b, as Cytoscape counts it: share of the way, and distance to its left. */
function off(a: [number, number], b: [number, number], p: [number, number]): [number, number] {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy) || 1;
  const [px, py] = [p[0] - a[0], p[1] - a[1]];
  return [(px * dx + py * dy) / (length * length), (px * -dy + py * dx) / length];
}

/**
 * The segments are HTML, placed by the server: text, marks and buttons stay what they are. Cytoscape draws the flows behind
 * them, on the same places, without physics: straight to the next column, in a lane above or below where columns are skipped.
 */
function drawMap(map: HTMLElement, data: Drawing): void {
  const stage = $(".zy-chain__edges", map);
  if (!stage) return;
  const at = new Map(data.nodes.map((n) => [n.id, n]));
  const tall = new Map($$(".zy-seg-node", map).map((e) => [e.dataset.id ?? "", e.offsetHeight || data.tall]));
  const lanes = { up: 0, down: 0 };
  const edges = data.flows.map((flow, index) => {
    const [s, t] = [at.get(flow.source)!, at.get(flow.target)!];
    const [hs, ht] = [tall.get(s.id) ?? data.tall, tall.get(t.id) ?? data.tall];
    const style: Record<string, unknown> = {};
    if (s.x === t.x) {
      const down = t.y > s.y;
      Object.assign(style, { "curve-style": "straight", "source-endpoint": `0 ${down ? "50%" : "-50%"}`, "target-endpoint": `0 ${down ? "-50%" : "50%"}` });
    } else {
      const back = t.x < s.x;
      const from: [number, number] = [s.x + (back ? 0 : data.wide), s.y + hs / 2];
      const to: [number, number] = [t.x + (back ? data.wide : 0), t.y + ht / 2];
      Object.assign(style, { "source-endpoint": back ? "-50% 0" : "50% 0", "target-endpoint": back ? "50% 0" : "-50% 0" });
      if (flow.skips) {
        const low = t.y + ht / 2 > data.height / 2 || (flow.relation === "recycles");
        const lane = low ? data.height - 10 - 9 * lanes.down++ : 10 + 9 * lanes.up++;
        const step = back ? -14 : 14;
        const points: [number, number][] = [[from[0] + step, from[1]], [from[0] + step, lane], [to[0] - step, lane], [to[0] - step, to[1]]];
        const places = points.map((p) => off(from, to, p));
        Object.assign(style, {
          "curve-style": "round-segments", "edge-distances": "endpoints", "segment-radii": 10,
          "segment-weights": places.map(([w]) => w), "segment-distances": places.map(([, d]) => d),
        });
      } else {
        Object.assign(style, { "curve-style": "round-taxi", "taxi-direction": "horizontal", "taxi-turn": "50%", "taxi-radius": 10 });
      }
    }
    return { data: { id: `e${index}`, source: s.id, target: t.id }, classes: flow.relation, style };
  });
  const graph = cytoscape({
    container: stage,
    elements: {
      nodes: data.nodes.map((n) => {
        const height = tall.get(n.id) ?? data.tall;
        return { data: { id: n.id, h: height }, position: { x: n.x + data.wide / 2, y: n.y + height / 2 } };
      }),
      edges,
    },
    layout: { name: "preset", fit: false },
    zoom: 1,
    pan: { x: 0, y: 0 },
    userZoomingEnabled: false,
    userPanningEnabled: false,
    boxSelectionEnabled: false,
    autoungrabify: true,
    style: [
      { selector: "node", style: { shape: "rectangle", width: data.wide, height: "data(h)", "background-opacity": 0, "border-width": 0, events: "no" } },
      {
        selector: "edge",
        style: { width: 1.3, "line-color": token("line-input"), "target-arrow-color": token("line-input"), "target-arrow-shape": "triangle", "arrow-scale": 0.7, events: "no" },
      },
      { selector: "edge.recycles", style: { "line-style": "dashed", "line-dash-pattern": [5, 4] } },
      { selector: "edge.path", style: { width: 2, "line-color": token("ink"), "target-arrow-color": token("ink"), "z-index": 9 } },
    ],
  });
  graph.batch(() => edges.forEach((edge) => graph.getElementById(edge.data.id).style(edge.style)));

  const choose = (id: string): void => {
    graph.edges().removeClass("path");
    graph.getElementById(id).connectedEdges().addClass("path");
    for (const element of $$(".zy-seg-node", map)) {
      if (element.dataset.id === id) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  };
  for (const event of ["click", "focusin"]) {
    map.addEventListener(event, (e) => {
      const id = (e.target as HTMLElement).closest<HTMLElement>(".zy-seg-node")?.dataset.id;
      if (id) choose(id);
    });
  }
  const first = new URLSearchParams(location.search).get("segment");
  if (first && at.has(first)) choose(first);
}

function drawSankey(figure: HTMLElement, data: Drawing): void {
  const font = { fontFamily: getComputedStyle(figure).fontFamily, fontSize: 12, color: token("ink-2") };
  figure.style.height = "300px";
  const chart = echarts.init(figure, undefined, { renderer: "svg" });
  const name = new Map(data.nodes.map((n) => [n.id, n.name]));
  const used = new Set(data.sankey.flatMap((f) => [f.source, f.target]));
  chart.setOption({
    animation: false,
    textStyle: font,
    tooltip: { trigger: "item", valueFormatter: (value: unknown) => say(`权重 ${Number(value).toFixed(1)}`, `weight ${Number(value).toFixed(1)}`) },
    series: [{
      type: "sankey",
      left: 4, right: 132, top: 26, bottom: 8,
      nodeWidth: 10, nodeGap: 14, draggable: false,
      data: data.nodes.filter((n) => used.has(n.id)).map((n) => ({
        name: n.name,
        // over its bar where flows leave it, so that the words do not lie on them
        label: data.sankey.some((f) => f.source === n.id) ? { position: "top", align: "left", offset: [-5, 0], width: 150 } : {},
        itemStyle: { color: n.kind === "missing" ? token("red") : n.kind === "weak" || n.kind === "single" ? token("yellow-fill") : token("c1") },
      })),
      links: data.sankey.map((f) => ({ source: name.get(f.source), target: name.get(f.target), value: Math.max(0.05, f.weight) })),
      lineStyle: { color: token("c6"), opacity: 0.35, curveness: 0.5 },
      label: { ...font, overflow: "truncate", width: 124 },
      emphasis: { focus: "adjacency" },
    }],
  });
  new ResizeObserver(() => chart.resize()).observe(figure);
}

const WIDE = "(min-width: 768px)";
const wideEnough = (): boolean => matchMedia(WIDE).matches;

const source = $("#chain-data")?.textContent;
if (source) {
  const data = JSON.parse(source) as Drawing;
  const map = $("#chain-map");
  if (map) {
    let drawn = false;
    // on a phone the segments are a list; the flows are drawn when the map is first wide enough to show
    const wide = matchMedia(WIDE);
    const show = (): void => {
      if (wide.matches && !drawn) {
        drawn = true;
        drawMap(map, data);
      }
    };
    void document.fonts.ready.then(show);
    wide.addEventListener("change", show);
  }
  // where the segments are a list, the explanation lies under it: a tap goes there
  let tapped = false;
  map?.addEventListener("click", (e) => (tapped = !wideEnough() && !!(e.target as HTMLElement).closest(".zy-seg-node__t")));
  document.body.addEventListener("htmx:afterSwap", (e) => {
    if (tapped && (e.target as HTMLElement).id === "why") $("#why")?.scrollIntoView({ block: "start" });
    tapped = false;
  });
  const figure = $("#chain-sankey");
  if (figure) drawSankey(figure, data);
}

// The button that makes leads says how many are picked. The shortlist comes after the page, so it is looked up each time.
const count = (): void => {
  const button = $<HTMLButtonElement>("[data-pick]");
  if (!button) return;
  const plain = (button.dataset.plain ??= button.textContent ?? "");
  const n = $$<HTMLInputElement>("input[name='firm']:checked").length;
  button.disabled = n === 0;
  button.textContent = n ? (button.dataset.pick ?? plain).replace("{n}", String(n)) : plain;
};
document.addEventListener("change", count);
document.addEventListener("htmx:afterSettle", count);
count();
