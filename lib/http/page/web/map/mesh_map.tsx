/**
 * The map: a canvas with what is drawn on it, by pointer and by keyboard.
 * @module
 */

/// <reference lib="dom" />
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Point } from "./camera.ts";
import { counted, roundTrip } from "../format.ts";
import { paletteOf } from "./map_marks.ts";
import { MapPainter } from "./map_painter.ts";
import { usePointer } from "./map_pointer.ts";
import { MapState, MOVE_MS } from "./map_state.ts";
import { type Grouping, groupings, layoutOf, MAX_SINGLE } from "./mesh_layout.ts";
import { HEALTH_WORDS, type Mesh, type MeshNode, PATH_WORDS } from "../mesh_model.ts";

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
