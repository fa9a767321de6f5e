/**
 * Where everything on the map is, and on its way to.
 * @module
 */

import { Camera, type Point } from "./camera.ts";
import type { Palette } from "./map_marks.ts";
import { radiusAt, type Scene } from "./map_painter.ts";
import type { Layout, Place } from "./mesh_layout.ts";
import type { MeshNode } from "../mesh_model.ts";

/** How long nodes take to their places. */
export const MOVE_MS = 500;
/** A finger or a pointer may miss by so much. */
const REACH_PX = 10;

/** What the drawing loop needs, and what is not drawn by Preact. */
export class MapState {
  readonly camera: Camera = new Camera();
  readonly at: Map<string, Place> = new Map();
  scene: Omit<Scene, "at" | "time" | "hovered"> | undefined;
  layout: Layout | undefined;
  palette: Palette | undefined;
  hovered: string | undefined;
  movedAt = 0;
  from: Map<string, Place> = new Map();
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

function mix(from: number, to: number, part: number): number {
  return from + (to - from) * part;
}
