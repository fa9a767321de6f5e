/**
 * Draws the map on a canvas. What is drawn alike is one path, so that five hundred nodes are a few strokes.
 * @module
 */

/// <reference lib="dom" />
import type { Camera } from "./camera.ts";
import { CanvasSprites, CanvasText } from "./canvas_sprites.ts";
import type { Layout, Place } from "./mesh_layout.ts";
import type { Mesh, MeshLink, MeshNode, PathKind } from "../mesh_model.ts";
import { roundTrip } from "../format.ts";
import { HEALTH_COLOUR, MARK_MARGIN, paintMark, type Palette } from "./map_marks.ts";

/** What of the mesh is shown. */
export interface Scene {
  readonly mesh: Mesh;
  readonly layout: Layout;
  /** Where nodes are now, on their way to where the layout has them. */
  readonly at: ReadonlyMap<string, Place>;
  readonly selected: string | undefined;
  readonly hovered: string | undefined;
  /** Nodes that a search has found; undefined for no search. */
  readonly found: ReadonlySet<string> | undefined;
  /** For what moves, in milliseconds. */
  readonly time: number;
  readonly isStill: boolean;
}

interface LinkStyle {
  readonly colour: keyof Palette;
  readonly dash: readonly number[];
  readonly width: number;
}

const PATH_STYLE: Readonly<Record<PathKind, LinkStyle>> = {
  direct: { colour: "thread", dash: [], width: 1.4 },
  relay: { colour: "thread", dash: [7, 5], width: 1.4 },
  carrier: { colour: "thread", dash: [10, 3, 2, 3], width: 2.2 },
  channel: { colour: "thread", dash: [2, 4], width: 1.6 },
  half: { colour: "warn", dash: [2, 4], width: 1.6 },
  hub: { colour: "quiet", dash: [], width: 1.2 },
  none: { colour: "bad", dash: [1, 5], width: 1.4 },
};

/** Links between two groups. */
interface Bundle {
  readonly a: Place;
  readonly b: Place;
  readonly count: number;
}

/** Less is not drawn as moving, in bits a second; nor are more links than the busiest ones. */
const MOVING_BITS = 2_000;
const MAX_MOVING = 28;
const DOT_SPACING = 78;
/** Names of more nodes than that are drawn when the reader comes closer. */
const MAX_NAMES = 64;
const MAX_FIGURES = 7;

/** One canvas. */
export class MapPainter {
  readonly #context: CanvasRenderingContext2D;
  readonly #sprites = new CanvasSprites();
  readonly #text: CanvasText;
  readonly #bundlesOf = new WeakMap<Mesh, { readonly layout: Layout; readonly bundles: readonly Bundle[] }>();

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This browser draws nothing on a canvas");
    this.#context = context;
    this.#text = new CanvasText(context, this.#sprites);
  }

  /** Draws one frame. @param density device pixels for one of the page */
  paint(scene: Scene, camera: Camera, palette: Palette, density: number): void {
    const context = this.#context;
    this.#sprites.setDensity(density);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    const focus = focusOf(scene);
    if (scene.layout.groups.length > 0) this.#groups(scene, camera, palette);
    this.#links(scene, camera, palette, focus);
    if (!scene.isStill) this.#flows(scene, camera, palette, focus);
    const hasRoom = scene.layout.groups.length === 0 && scene.mesh.nodes.length <= MAX_FIGURES;
    if (hasRoom || focus !== undefined) this.#figures(scene, camera, palette, focus);
    this.#nodes(scene, camera, palette, focus);
    this.#names(scene, camera, palette, focus);
  }

  #groups({ layout, mesh, hovered, selected }: Scene, camera: Camera, palette: Palette): void {
    const context = this.#context;
    this.#bundles(mesh, layout, camera, palette, hovered !== undefined || selected !== undefined);
    for (const group of layout.groups) {
      const { x, y } = camera.toScreen(group);
      const r = group.r * camera.scale;
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fillStyle = palette.raised;
      context.fill();
      context.lineWidth = 1;
      context.strokeStyle = palette.line;
      context.stroke();
      // What part of it is not well, as an arc of its rim.
      const bad = group.nodes.filter(({ health }) => health === "unhealthy").length;
      const partly = group.nodes.filter(({ health }) => health === "degraded").length;
      let from = -Math.PI / 2;
      for (const [count, colour] of [[bad, palette.bad], [partly, palette.warn]] as const) {
        if (count === 0) continue;
        const to = from + 2 * Math.PI * Math.max(count / group.nodes.length, 0.02);
        context.beginPath();
        context.arc(x, y, r, from, to);
        context.lineWidth = 3;
        context.strokeStyle = colour;
        context.stroke();
        from = to;
      }
    }
  }

  /** Links between groups are one line each, the wider the more they are. */
  #bundles(mesh: Mesh, layout: Layout, camera: Camera, palette: Palette, isQuiet: boolean): void {
    const context = this.#context;
    context.strokeStyle = palette.thread;
    const byWidth = Map.groupBy(
      this.#bundled(mesh, layout),
      ({ count }) => Math.min(5, Math.ceil(Math.log2(count + 1))),
    );
    for (const [width, bundles] of byWidth) {
      context.beginPath();
      for (const { a, b } of bundles) {
        const [from, to] = [camera.toScreen(a), camera.toScreen(b)];
        context.moveTo(from.x, from.y);
        context.lineTo(to.x, to.y);
      }
      context.lineWidth = width * 0.7;
      context.globalAlpha = isQuiet ? 0.05 : 0.08 + 0.03 * width;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  #bundled(mesh: Mesh, layout: Layout): readonly Bundle[] {
    const known = this.#bundlesOf.get(mesh);
    if (known?.layout === layout) return known.bundles;
    const counts = new Map<string, { a: Place; b: Place; count: number }>();
    for (const { a, b, isHealthy } of mesh.links) {
      const [one, other] = [layout.groupOf.get(a.key), layout.groupOf.get(b.key)];
      if (!isHealthy || one === undefined || other === undefined || one === other) continue;
      const key = one.name < other.name ? `${one.name}\n${other.name}` : `${other.name}\n${one.name}`;
      const bundle = counts.get(key);
      if (bundle === undefined) counts.set(key, { a: one, b: other, count: 1 });
      else bundle.count++;
    }
    const bundles = [...counts.values()];
    this.#bundlesOf.set(mesh, { layout, bundles });
    return bundles;
  }

  #links(scene: Scene, camera: Camera, palette: Palette, focus: ReadonlySet<MeshNode> | undefined): void {
    const { mesh, layout, at } = scene;
    const isGrouped = layout.groups.length > 0;
    const batches = new Map<string, { style: LinkStyle; alpha: number; segments: number[] }>();
    // The more there are, the fainter is what is as it should be; what is not stays as it is.
    const crowd = Math.min(1, Math.max(0.13, 26 / Math.max(mesh.links.length, 1)));
    for (const link of mesh.links) {
      const isFocused = focus !== undefined && isOf(link, scene);
      // Of groups only those of one node are drawn by themselves.
      if (isGrouped && !isFocused) continue;
      const [a, b] = [at.get(link.a.key), at.get(link.b.key)];
      if (a === undefined || b === undefined) continue;
      const [from, to] = [camera.toScreen(a), camera.toScreen(b)];
      const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
      const isUsual = link.ends.every((end) =>
        end === undefined || (end.healthy && (end.path === "direct" || end.path === "channel"))
      );
      const [one, other] = link.ends;
      // What both say alike is one line.
      const isAgreed = one !== undefined && one.path === other?.path && one.healthy === other.healthy;
      const halves = isAgreed
        ? [[one, from, to]] as const
        : [[one, from, middle, other], [other, to, middle, one]] as const;
      for (const [end, start, stop, otherEnd] of halves) {
        // Where one end has said nothing, the other's word stands for both.
        const said = end ?? otherEnd;
        if (said === undefined) continue;
        const path = said.healthy || said.path === "half" ? said.path : "none";
        const usual = isUsual ? crowd : Math.max(0.55, crowd);
        const alpha = (focus === undefined ? usual : isFocused ? 1 : 0.06) * (end === undefined ? 0.6 : 1);
        const key = `${path} ${alpha}`;
        let batch = batches.get(key);
        if (batch === undefined) batches.set(key, batch = { style: PATH_STYLE[path], alpha, segments: [] });
        batch.segments.push(start.x, start.y, stop.x, stop.y);
      }
    }
    const context = this.#context;
    context.lineCap = "butt";
    for (const { style, alpha, segments } of batches.values()) {
      context.beginPath();
      for (let i = 0; i < segments.length; i += 4) {
        context.moveTo(segments[i] ?? 0, segments[i + 1] ?? 0);
        context.lineTo(segments[i + 2] ?? 0, segments[i + 3] ?? 0);
      }
      context.setLineDash([...style.dash]);
      context.lineWidth = style.width * (alpha === 1 ? 1.25 : 1);
      context.strokeStyle = palette[style.colour];
      context.globalAlpha = alpha;
      context.stroke();
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** Round trips beside their lines. */
  #figures(scene: Scene, camera: Camera, palette: Palette, focus: ReadonlySet<MeshNode> | undefined): void {
    const { mesh, at } = scene;
    const shown = mesh.links.filter((link) => focus === undefined || isOf(link, scene));
    if (shown.length > 24) return;
    this.#text.setFont("11px");
    for (const link of shown) {
      const [a, b] = [at.get(link.a.key), at.get(link.b.key)];
      if (a === undefined || b === undefined || link.rttMs === null) continue;
      const [from, to] = [camera.toScreen(a), camera.toScreen(b)];
      if (Math.hypot(from.x - to.x, from.y - to.y) < 90) continue;
      this.#text.write(
        roundTrip(link.rttMs),
        (from.x + to.x) / 2,
        (from.y + to.y) / 2 + 4,
        palette.quiet,
        palette.card,
      );
    }
  }

  /** Dots along links on which something goes, the more of them the more goes. */
  #flows(scene: Scene, camera: Camera, palette: Palette, focus: ReadonlySet<MeshNode> | undefined): void {
    const { mesh, layout, at, time } = scene;
    if (layout.groups.length > 0 && focus === undefined) return;
    const moving = mesh.links.filter((link) =>
      link.rate > MOVING_BITS && link.isHealthy && (focus === undefined || isOf(link, scene))
    ).sort((a, b) => b.rate - a.rate).slice(0, MAX_MOVING);
    const context = this.#context;
    context.beginPath();
    for (const link of moving) {
      const [a, b] = [at.get(link.a.key), at.get(link.b.key)];
      if (a === undefined || b === undefined) continue;
      const [from, to] = [camera.toScreen(a), camera.toScreen(b)];
      const length = Math.hypot(to.x - from.x, to.y - from.y);
      const size = 1.3 + Math.min(1.5, Math.log10(link.rate / MOVING_BITS) * 0.32);
      const speed = 18 + 14 * Math.log10(link.rate / MOVING_BITS);
      for (let along = (time / 1_000 * speed) % DOT_SPACING; along < length; along += DOT_SPACING) {
        const part = along / length;
        const [x, y] = [from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part];
        context.moveTo(x + size, y);
        context.arc(x, y, size, 0, 2 * Math.PI);
      }
    }
    context.fillStyle = palette.thread;
    context.globalAlpha = 0.85;
    context.fill();
    context.globalAlpha = 1;
  }

  #nodes(scene: Scene, camera: Camera, palette: Palette, focus: ReadonlySet<MeshNode> | undefined): void {
    const { mesh, at, found, selected, hovered } = scene;
    const context = this.#context;
    // Who does not answer is seen at once, wherever it is.
    context.beginPath();
    for (const node of mesh.nodes) if (node.health === "unhealthy") this.#outline(node, at, camera, 6);
    context.globalAlpha = 0.28;
    context.fillStyle = palette.bad;
    context.fill();
    for (const node of mesh.nodes) {
      const place = at.get(node.key);
      if (place === undefined) continue;
      const { x, y } = camera.toScreen(place);
      const r = Math.round(radiusAt(place, camera) * 4) / 4;
      const half = r + MARK_MARGIN;
      if (x < -half || y < -half || x > camera.width + half || y > camera.height + half) continue;
      const isDim = (focus !== undefined && !focus.has(node)) ||
        (found !== undefined && !found.has(node.key));
      context.globalAlpha = isDim ? 0.22 : 1;
      const colour = palette[HEALTH_COLOUR[node.health]];
      const key = `node ${node.health} ${colour} ${node.isDevice} ${node.isLeader} ${node.isSelf} ${r}`;
      const box = { x: x - half, y: y - half, width: 2 * half, height: 2 * half };
      this.#sprites.draw(context, key, box, (sprite) => paintMark(sprite, node, r, colour, palette.card));
    }
    context.globalAlpha = 1;
    for (const [key, width] of [[hovered, 1.5], [selected, 2.5]] as const) {
      const node = key === undefined ? undefined : mesh.byKey.get(key);
      if (node === undefined) continue;
      context.beginPath();
      this.#outline(node, at, camera, 8);
      context.lineWidth = width;
      context.strokeStyle = palette.ink;
      context.stroke();
    }
  }

  #outline(node: MeshNode, at: Scene["at"], camera: Camera, more: number): void {
    const place = at.get(node.key);
    if (place === undefined) return;
    const { x, y } = camera.toScreen(place);
    const r = radiusAt(place, camera) + more;
    if (x < -r || y < -r || x > camera.width + r || y > camera.height + r) return;
    const context = this.#context;
    if (node.isDevice) return context.roundRect(x - r, y - r, 2 * r, 2 * r, r * 0.3);
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
  }

  /** Names where there is room, those that matter most first. */
  #names(scene: Scene, camera: Camera, palette: Palette, focus: ReadonlySet<MeshNode> | undefined): void {
    const { mesh, layout, at, selected, hovered, found } = scene;
    const taken: (readonly [number, number, number, number])[] = [];
    const isFree = (box: readonly [number, number, number, number]) =>
      !taken.some(([l, t, r, b]) => box[0] < r && box[2] > l && box[1] < b && box[3] > t);
    const write = (text: string, x: number, y: number, colour: string, isForced: boolean): void => {
      const half = this.#text.width(text) / 2 + 3;
      const box = [x - half, y - 12, x + half, y + 4] as const;
      if (!isForced && !isFree(box)) return;
      taken.push(box);
      this.#text.write(text, x, y, colour, palette.card);
    };
    this.#text.setFont("600 12px");
    for (const group of layout.groups) {
      const { x, y } = camera.toScreen(group);
      write(
        `${short(group.name, 22)} · ${group.nodes.length}`,
        x,
        y - group.r * camera.scale - 7,
        palette.ink,
        false,
      );
    }
    this.#text.setFont("12px");
    const isGrouped = layout.groups.length > 0;
    const isNear = camera.scale * (isGrouped ? 0.62 : 1) > 0.9;
    const rank = (node: MeshNode) =>
      node.key === selected || node.key === hovered
        ? 0
        : node.isSelf
        ? 1
        : node.health === "unhealthy"
        ? 2
        : node.isLeader
        ? 3
        : 4;
    const wanted = mesh.nodes.filter((node) => {
      if (focus !== undefined) {
        return focus.has(node) && (!isGrouped || node.key === selected || node.key === hovered);
      }
      if (found !== undefined && found.size <= MAX_NAMES) return found.has(node.key);
      if (isGrouped) return isNear || (node.health === "unhealthy" && camera.scale > 0.75);
      return mesh.nodes.length <= MAX_NAMES || isNear || rank(node) < 4;
    });
    for (const node of wanted.toSorted((a, b) => rank(a) - rank(b)).slice(0, 160)) {
      const place = at.get(node.key);
      if (place === undefined) continue;
      const { x, y } = camera.toScreen(place);
      if (x < -40 || y < -20 || x > camera.width + 40 || y > camera.height + 20) continue;
      const below = y + radiusAt(place, camera) + (node.isSelf ? 20 : node.isLeader ? 18 : 16);
      const colour = node.health === "unhealthy"
        ? palette.bad
        : node.health === "away"
        ? palette.quiet
        : palette.ink;
      write(short(node.name, 20), x, below, colour, rank(node) < 2);
    }
  }
}

/** @returns how large a node is on the screen: never too small to be seen, nor too large */
export function radiusAt({ r }: Place, { scale }: Camera): number {
  return Math.min(16, Math.max(3, r * Math.min(1.35, Math.max(scale, r * scale < 5 ? scale : 0.75))));
}

function focusOf({ mesh, selected, hovered }: Scene): ReadonlySet<MeshNode> | undefined {
  const node = mesh.byKey.get(hovered ?? selected ?? "");
  return node && new Set([node, ...node.links.map(({ a, b }) => a === node ? b : a)]);
}

function isOf({ a, b }: MeshLink, { hovered, selected }: Scene): boolean {
  const key = hovered ?? selected;
  return a.key === key || b.key === key;
}

function short(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
