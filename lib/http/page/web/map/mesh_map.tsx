/**
 * The map: a canvas with what is drawn on it, by pointer and by keyboard.
 * @module
 */

/// <reference lib="dom" />
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Camera, type Point } from "./camera.ts";
import { counted, roundTrip } from "../format.ts";
import { type Palette, paletteOf } from "./map_marks.ts";
import { MapPainter, radiusAt, type Scene } from "./map_painter.ts";
import { type Grouping, groupings, type Layout, layoutOf, MAX_SINGLE, type Place } from "./mesh_layout.ts";
import { HEALTH_WORDS, type Mesh, type MeshNode, PATH_WORDS } from "../mesh_model.ts";

/** How long nodes take to their places. */
const MOVE_MS = 500;
/** A press that moves less is one on a node. */
const CLICK_PX = 5;
/** A finger or a pointer may miss by so much. */
const REACH_PX = 10;
const PAN_STEP_PX = 60;

interface MapProps {
  readonly mesh: Mesh;
  readonly selected: string | undefined;
  readonly found: ReadonlySet<string> | undefined;
  readonly isStill: boolean;
  /** Changes when the colours do. */
  readonly theme: string;
  readonly onSelect: (key: string | undefined) => void;
}

/** What the drawing loop needs, and what is not drawn by Preact. */
class MapState {
  readonly camera = new Camera();
  readonly at = new Map<string, Place>();
  scene: Omit<Scene, "at" | "time" | "hovered"> | undefined;
  layout: Layout | undefined;
  palette: Palette | undefined;
  hovered: string | undefined;
  movedAt = 0;
  from = new Map<string, Place>();
  isFitted = true;
  isDirty = true;
  /** Milliseconds that the last frames took to draw, for who measures. */
  readonly frames: number[] = [];

  /** Where nodes are on their way to where they belong. @returns whether they are still on it */
  move(now: number, isStill: boolean): boolean {
    const part = isStill ? 1 : Math.min(1, (now - this.movedAt) / MOVE_MS);
    const eased = 1 - (1 - part) ** 3;
    for (const [key, to] of this.layout?.places ?? []) {
      const from = this.from.get(key);
      if (part === 1 || from === undefined) this.at.set(key, to);
      else this.at.set(key, { x: mix(from.x, to.x, eased), y: mix(from.y, to.y, eased), r: to.r });
    }
    return part < 1;
  }

  /** @returns the node at a point of the screen */
  pick(point: Point): MeshNode | undefined {
    let best: MeshNode | undefined;
    let least = Infinity;
    for (const node of this.scene?.mesh.nodes ?? []) {
      const place = this.at.get(node.key);
      if (place === undefined) continue;
      const { x, y } = this.camera.toScreen(place);
      const distance = Math.hypot(x - point.x, y - point.y) - radiusAt(place, this.camera);
      if (distance < REACH_PX && distance < least) [best, least] = [node, distance];
    }
    return best;
  }

  /** @returns the nearest node in a direction */
  next(from: string | undefined, dx: number, dy: number): MeshNode | undefined {
    const nodes = this.scene?.mesh.nodes ?? [];
    const start = from === undefined ? undefined : this.at.get(from);
    if (start === undefined) return nodes[0];
    let best: MeshNode | undefined;
    let least = Infinity;
    for (const node of nodes) {
      const place = this.at.get(node.key);
      if (place === undefined || node.key === from) continue;
      const [x, y] = [place.x - start.x, place.y - start.y];
      const along = x * dx + y * dy;
      const aside = Math.abs(x * dy - y * dx);
      // What is more aside than ahead is in another direction.
      if (along <= 0 || aside > along * 1.6) continue;
      if (along + 2 * aside < least) [best, least] = [node, along + 2 * aside];
    }
    return best;
  }
}

/** The map of a mesh. */
export function MeshMap({ mesh, selected, found, isStill, theme, onSelect }: MapProps): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const state = useMemo(() => new MapState(), []);
  const [chosen, setChosen] = useState<string>();
  const [hovered, setHovered] = useState<{ node: MeshNode; at: Point }>();
  const [size, setSize] = useState({ width: 0, height: 0 });
  const choices = useMemo(() => groupings(mesh.nodes), [mesh.nodes.length]);
  const automatic = mesh.nodes.length > MAX_SINGLE ? choices[0] ?? "address" : "";
  const grouping: Grouping = (chosen ?? automatic) || undefined;
  // Nodes stay where they are while who is there stays the same, but when links have just been heard of.
  const shape = [
    grouping,
    Math.round(size.width / 200),
    grouping === undefined ? Math.round(2 * Math.log2(mesh.links.length + 1)) : "",
    ...mesh.nodes.map(({ key, isLeader, labels }) => `${key}${isLeader}${grouping && labels[grouping]}`),
  ].join();

  const layout = useMemo(() => {
    const aspect = size.height === 0 ? 1.6 : Math.min(2.2, Math.max(0.7, size.width / size.height));
    return layoutOf(mesh, grouping, state.layout, aspect);
  }, [shape]);
  if (state.layout !== layout) {
    state.from = new Map(state.at);
    state.movedAt = state.layout === undefined ? 0 : performance.now();
    state.layout = layout;
    state.at.clear();
    if (state.isFitted) state.camera.fit(layout.width, layout.height);
  }
  state.scene = { mesh, layout, selected, found, isStill };
  state.isDirty = true;

  useEffect(() => {
    state.palette = undefined;
    state.isDirty = true;
  }, [theme]);

  useEffect(() => {
    const element = canvas.current;
    return element === null
      ? undefined
      : runLoop(element, state, (width, height) => setSize({ width, height }));
  }, []);

  const fit = (): void => {
    state.isFitted = true;
    state.camera.fit(layout.width, layout.height);
    state.isDirty = true;
  };
  const zoom = (factor: number, at?: Point): void => {
    state.isFitted = false;
    state.camera.zoom(factor, at);
    state.isDirty = true;
  };
  const select = (node: MeshNode | undefined): void => {
    const place = node && layout.places.get(node.key);
    if (place !== undefined && !state.isFitted) state.camera.reveal(place);
    onSelect(node?.key);
  };
  const handleKey = (event: KeyboardEvent): void => {
    const arrow = ARROWS[event.key];
    if (arrow !== undefined && event.shiftKey) {
      state.isFitted = false;
      state.camera.pan(-arrow[0] * PAN_STEP_PX, -arrow[1] * PAN_STEP_PX);
      state.isDirty = true;
    } else if (arrow !== undefined) select(state.next(selected, ...arrow) ?? mesh.byKey.get(selected ?? ""));
    else if (event.key === "Escape") select(undefined);
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit();
    else if (event.key === "Home") select(mesh.nodes[0]);
    else return;
    event.preventDefault();
  };
  const pointer = usePointer(canvas, state, {
    click: (node) => select(node),
    hover: (node, at) => setHovered(node && { node, at }),
    zoom,
  });
  const healthy = mesh.nodes.filter(({ health }) => health === "healthy" || health === "self").length;
  return (
    <div class="map">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="map"
        aria-label={`Map of ${
          counted(mesh.nodes.length, "node")
        }, ${healthy} of them healthy. Arrow keys go from node to node, plus and minus zoom, 0 shows all; the table below has the same.`}
        onKeyDown={handleKey}
        {...pointer}
      />
      {hovered !== undefined && <Tip node={hovered.node} at={hovered.at} width={size.width} />}
      <div class="map-tools">
        {(choices.length > 0 || mesh.nodes.length > 24) && (
          <label class="map-group">
            Group by{" "}
            <select
              value={chosen ?? automatic}
              onChange={(event) => {
                state.isFitted = true;
                setChosen(event.currentTarget.value);
              }}
            >
              <option value="">nothing</option>
              {choices.map((key) => <option value={key} key={key}>{key}</option>)}
              <option value="address">address</option>
            </select>
          </label>
        )}
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoom(1.4)}>+</button>
        <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick={() => zoom(1 / 1.4)}>
          −
        </button>
        <button type="button" aria-label="Show all" title="Show all (0)" onClick={fit}>⤢</button>
      </div>
      <Legend />
    </div>
  );
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function Tip(
  { node, at, width }: { readonly node: MeshNode; readonly at: Point; readonly width: number },
): VNode {
  const isRight = at.x > width / 2;
  const style = {
    top: `${at.y + 14}px`,
    ...isRight ? { right: `${width - at.x + 12}px` } : { left: `${at.x + 12}px` },
  };
  return (
    <div class="tip" style={style} aria-hidden="true">
      <strong>{node.name}</strong>
      <span>{HEALTH_WORDS[node.health]}{node.isSelf ? "" : `, ${PATH_WORDS[node.path]}`}</span>
      {node.rttMs !== null && <span>{roundTrip(node.rttMs)}</span>}
      <span class="quiet">{node.addresses[0]}</span>
    </div>
  );
}

function Legend(): VNode {
  return (
    <p class="legend" aria-hidden="true">
      {(["direct", "relay", "carrier", "channel", "half", "none"] as const).map((kind) => (
        <span key={kind}>
          <i class={`key key-${kind}`} />
          {PATH_WORDS[kind]}
        </span>
      ))}
      <span class="legend-nodes">
        <i class="sign" />member
      </span>
      <span>
        <i class="sign ring" />leader
      </span>
      <span>
        <i class="sign square" />device
      </span>
      <span class="legend-hint">each half of a line is one end’s word</span>
    </p>
  );
}

/** Draws when there is something new, and while something moves. @returns a function that ends it */
function runLoop(
  element: HTMLCanvasElement,
  state: MapState,
  onSize: (width: number, height: number) => void,
): () => void {
  const painter = new MapPainter(element);
  let density = devicePixelRatio;
  const resize = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = element;
    density = Math.min(2, devicePixelRatio);
    element.width = Math.round(width * density);
    element.height = Math.round(height * density);
    state.camera.resize(width, height);
    if (state.isFitted && state.layout !== undefined) {
      state.camera.fit(state.layout.width, state.layout.height);
    }
    state.isDirty = true;
    onSize(width, height);
  });
  resize.observe(element);
  let frame = 0;
  const draw = (): void => {
    frame = requestAnimationFrame(draw);
    const { scene } = state;
    if (scene === undefined) return;
    const now = performance.now();
    const isMoving = state.movedAt !== 0 && now - state.movedAt < MOVE_MS + 50;
    const isFlowing = !scene.isStill && scene.mesh.links.some(({ rate }) => rate > 2_000);
    if (!state.isDirty && !isMoving && !isFlowing) return;
    state.isDirty = false;
    state.move(now, scene.isStill);
    const palette = state.palette ??= paletteOf(element);
    painter.paint(
      { ...scene, at: state.at, time: now, hovered: state.hovered },
      state.camera,
      palette,
      density,
    );
    state.frames.push(performance.now() - now);
    if (state.frames.length > 600) state.frames.shift();
  };
  frame = requestAnimationFrame(draw);
  // Who measures reads it there.
  Object.assign(element, { drawnIn: state.frames });
  return () => {
    cancelAnimationFrame(frame);
    resize.disconnect();
  };
}

interface PointerActs {
  click(node: MeshNode | undefined): void;
  hover(node: MeshNode | undefined, at: Point): void;
  zoom(factor: number, at: Point): void;
}

type PointerHandlers = Readonly<
  Record<
    "onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerLeave" | "onPointerCancel",
    (event: PointerEvent) => void
  >
>;

/** One pointer moves the map or picks a node, two of them zoom, and so does the wheel. */
function usePointer(
  canvas: { readonly current: HTMLCanvasElement | null },
  state: MapState,
  acts: PointerActs,
): PointerHandlers {
  const down = useMemo(() => new Map<number, Point & { moved: number }>(), []);
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    const element = canvas.current;
    const wheel = (event: WheelEvent): void => {
      // The page scrolls as everywhere, unless a key says that the map is meant.
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== element) return;
      event.preventDefault();
      latest.current.zoom(Math.exp(-event.deltaY / 300), pointOf(event));
    };
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  }, []);
  const hover = (event: PointerEvent): void => {
    const at = pointOf(event);
    const node = event.pointerType === "mouse" ? state.pick(at) : undefined;
    if (state.hovered === node?.key && node === undefined) return;
    state.hovered = node?.key;
    state.isDirty = true;
    acts.hover(node, at);
  };
  const end = (event: PointerEvent): void => void down.delete(event.pointerId);
  return {
    onPointerDown: (event) => {
      down.set(event.pointerId, { ...pointOf(event), moved: 0 });
      if (event.pointerType === "mouse") canvas.current?.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => {
      const before = down.get(event.pointerId);
      if (before === undefined) return hover(event);
      const at = pointOf(event);
      const moved = before.moved + Math.hypot(at.x - before.x, at.y - before.y);
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (other !== undefined) {
        const ratio = Math.hypot(at.x - other.x, at.y - other.y) /
          Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
        acts.zoom(ratio, { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
      } else if (moved > CLICK_PX) {
        state.isFitted = false;
        state.camera.pan(at.x - before.x, at.y - before.y);
        state.isDirty = true;
      }
      down.set(event.pointerId, { ...at, moved });
    },
    onPointerUp: (event) => {
      const pressed = down.get(event.pointerId);
      end(event);
      if (pressed !== undefined && pressed.moved <= CLICK_PX) acts.click(state.pick(pointOf(event)));
    },
    onPointerLeave: (event) => {
      state.hovered = undefined;
      state.isDirty = true;
      acts.hover(undefined, pointOf(event));
    },
    onPointerCancel: end,
  };
}

function pointOf({ offsetX, offsetY }: MouseEvent): Point {
  return { x: offsetX, y: offsetY };
}

function mix(from: number, to: number, part: number): number {
  return from + (to - from) * part;
}
