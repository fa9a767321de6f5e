/**
 * The map under a pointer, two fingers or a wheel.
 * @module
 */

/// <reference lib="dom" />
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Point } from "./camera.ts";
import type { MapState } from "./map_state.ts";
import type { MeshNode } from "../mesh_model.ts";

/** A press that moves less is one on a node. */
const CLICK_PX = 5;

/** What a pointer does to the map. */
export interface PointerActs {
  click(node: MeshNode | undefined): void;
  hover(node: MeshNode | undefined, at: Point): void;
  zoom(factor: number, at: Point): void;
}

/** To be spread over the canvas. */
export type PointerHandlers = Readonly<
  Record<
    "onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerLeave" | "onPointerCancel",
    (event: PointerEvent) => void
  >
>;

/** One pointer moves the map or picks a node, two of them zoom, and so does the wheel. */
export function usePointer(
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
