/**
 * Where nodes are drawn: each for itself, or in groups when they are more than the eye can hold.
 * @module
 */

// @ts-types="@types/d3-force"
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationNodeDatum,
} from "d3-force";
import { byName } from "../format.ts";
import type { Mesh, MeshNode } from "../mesh_model.ts";

/** More than so many are grouped, unless told. */
export const MAX_SINGLE = 120;
/** So few stand in a ring. */
const MAX_RING = 9;
/** Links of grouped nodes are drawn together, so that so many groups are legible. */
const MAX_GROUPS = 48;
const NODE_RADIUS = 7;
/** Between neighbours in a group. */
const SPACING = 17;
/** The angle of a sunflower's seeds. */
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
const TICKS = 220;
const MORE_TICKS = 60;

/** A place on the map. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly r: number;
}

/** Nodes that have something in common. */
export interface Group extends Place {
  readonly name: string;
  readonly nodes: readonly MeshNode[];
}

/** Where everything is. */
export interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  readonly groups: readonly Group[];
  /** Nodes to their groups, by key. */
  readonly groupOf: ReadonlyMap<string, Group>;
  readonly width: number;
  readonly height: number;
}

/** By what nodes are grouped: a label's key, `address`, or not at all. */
export type Grouping = string | undefined;

/** @returns the labels by which nodes can be told apart, the best first */
export function groupings(nodes: readonly MeshNode[]): readonly string[] {
  const values = new Map<string, Map<string, number>>();
  for (const { labels } of nodes) {
    for (const [key, value] of Object.entries(labels)) {
      let counts = values.get(key);
      if (counts === undefined) values.set(key, counts = new Map());
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  const useful = [...values].flatMap(([key, counts]) => {
    const covered = counts.values().reduce((sum, count) => sum + count, 0) / nodes.length;
    return counts.size < 2 || counts.size > MAX_GROUPS || covered < 0.5
      ? []
      : [{ key, covered, size: counts.size }];
  });
  // Of labels that all have, the one with the most values says most.
  return useful.sort((a, b) => b.covered - a.covered || b.size - a.size).map(({ key }) => key);
}

/**
 * @param before the last layout: what was there stays where it was
 * @param aspect how much wider than high the map is
 */
export function layoutOf(mesh: Mesh, grouping: Grouping, before: Layout | undefined, aspect: number): Layout {
  return grouping === undefined ? single(mesh, before, aspect) : grouped(mesh, grouping, before, aspect);
}

interface Body extends SimulationNodeDatum {
  x: number;
  y: number;
  readonly r: number;
}

function single(mesh: Mesh, before: Layout | undefined, aspect: number): Layout {
  const { nodes } = mesh;
  const radiusOf = (node: MeshNode) =>
    node.isLeader ? NODE_RADIUS + 2.5 : node.isDevice ? NODE_RADIUS - 1.5 : NODE_RADIUS;
  if (nodes.length <= MAX_RING) return finished(ring(nodes, aspect, radiusOf), [], 1);
  const known = nodes.filter(({ key }) => before?.places.has(key)).length;
  const bodies = nodes.map((node, i): Body => {
    const at = before?.places.get(node.key);
    const distance = 26 * Math.sqrt(i + 0.5);
    const angle = i * GOLDEN_ANGLE;
    return {
      x: at?.x ?? distance * Math.cos(angle) * aspect,
      y: at?.y ?? distance * Math.sin(angle),
      r: radiusOf(node),
    };
  });
  const index = new Map(nodes.map(({ key }, i) => [key, i]));
  const links = mesh.links.map(({ a, b }) => ({
    source: index.get(a.key) ?? 0,
    target: index.get(b.key) ?? 0,
  }));
  const isWarm = known > nodes.length * 0.7;
  const spread = Math.sqrt(nodes.length / 24);
  forceSimulation(bodies).stop()
    .alpha(isWarm ? 0.3 : 1)
    .force(
      "links",
      forceLink<Body, (typeof links)[number]>(links).distance(95 * spread).strength(
        0.55 / Math.max(1, links.length / nodes.length),
      ),
    )
    .force("charge", forceManyBody<Body>().strength(-420).distanceMax(900))
    .force("x", forceX<Body>(0).strength(0.05 / aspect ** 2))
    .force("y", forceY<Body>(0).strength(0.05 * aspect))
    .force("apart", forceCollide<Body>(({ r }) => r + 17))
    .tick(isWarm ? MORE_TICKS : TICKS);
  return finished(new Map(nodes.map(({ key }, i) => [key, placeOf(bodies[i])])), [], aspect);
}

/** This node at the top, so that the same mesh is always drawn the same way. */
function ring(
  nodes: readonly MeshNode[],
  aspect: number,
  radiusOf: (node: MeshNode) => number,
): Map<string, Place> {
  if (nodes.length === 1) return new Map(nodes.map((node) => [node.key, { x: 0, y: 0, r: radiusOf(node) }]));
  const radius = 60 + 16 * nodes.length;
  // Two beside each other, three with the first above.
  const first = nodes.length === 2 ? Math.PI : -Math.PI / 2;
  return new Map(nodes.map((node, i) => {
    const angle = first + 2 * Math.PI * i / nodes.length;
    const wide = Math.min(aspect, 1.7);
    return [node.key, { x: radius * wide * Math.cos(angle), y: radius * Math.sin(angle), r: radiusOf(node) }];
  }));
}

function grouped(mesh: Mesh, grouping: string, before: Layout | undefined, aspect: number): Layout {
  const byValue = Map.groupBy(mesh.nodes, (node) => groupName(node, grouping));
  const sorted = [...byValue].sort(([a], [b]) => byName(a, b));
  const rest = sorted.splice(MAX_GROUPS);
  if (rest.length > 0) sorted.push(["others", rest.flatMap(([, nodes]) => nodes)]);
  const known = new Map(before?.groups.map((group) => [group.name, group]) ?? []);
  const bodies = sorted.map(([name, nodes], i): Body => {
    const distance = 90 * Math.sqrt(i + 0.5);
    const at = known.get(name);
    return {
      x: at?.x ?? distance * Math.cos(i * GOLDEN_ANGLE) * aspect,
      y: at?.y ?? distance * Math.sin(i * GOLDEN_ANGLE),
      r: SPACING * Math.sqrt(nodes.length) + 8,
    };
  });
  forceSimulation(bodies).stop()
    .force("x", forceX<Body>(0).strength(0.09 / aspect ** 2))
    .force("y", forceY<Body>(0).strength(0.09 * aspect))
    .force("apart", forceCollide<Body>(({ r }) => r + 22).iterations(3))
    .tick(TICKS);
  const places = new Map<string, Place>();
  const wide = stretch(bodies, aspect);
  const groups = sorted.map(([name, nodes], i): Group => {
    const { x: near, y, r } = placeOf(bodies[i]);
    const x = near * wide;
    // Leaders in the middle; the others keep their places, whatever becomes of them.
    const inside = nodes.toSorted((a, b) =>
      Number(b.isLeader) - Number(a.isLeader) || byName(a.name, b.name)
    );
    inside.forEach((node, n) => {
      const distance = SPACING * Math.sqrt(n + (nodes.length > 1 ? 0.5 : 0)) * 0.92;
      places.set(node.key, {
        x: x + distance * Math.cos(n * GOLDEN_ANGLE),
        y: y + distance * Math.sin(n * GOLDEN_ANGLE),
        r: node.isLeader ? NODE_RADIUS : NODE_RADIUS - 1,
      });
    });
    return { name, nodes: inside, x, y, r };
  });
  return finished(places, groups, 1);
}

function groupName(node: MeshNode, grouping: string): string {
  if (grouping !== "address") return node.labels[grouping] ?? "without";
  const [address = ""] = node.addresses;
  return address.includes(":")
    ? address.split(":").slice(0, 4).join(":") + "::"
    : address.split(".").slice(0, 3).join(".") + ".0";
}

function placeOf(body: Body | undefined): Place {
  return body === undefined ? { x: 0, y: 0, r: NODE_RADIUS } : { x: body.x, y: body.y, r: body.r };
}

/** @returns by how much what was laid out may be drawn apart, so that it is as wide as the map */
function stretch(all: readonly Body[] | readonly Place[], aspect: number): number {
  const [left, right] = extent(all.flatMap(({ x, r }) => [x - r, x + r]));
  const [top, bottom] = extent(all.flatMap(({ y, r }) => [y - r, y + r]));
  return Math.min(1.7, Math.max(1, aspect * (bottom - top) / Math.max(1, right - left)));
}

/** Puts the middle of all at the middle of the map. @param aspect 1 leaves it as wide as it is */
function finished(near: Map<string, Place>, groups: readonly Group[], aspect: number): Layout {
  const wide = aspect === 1 ? 1 : stretch([...near.values()], aspect);
  const places = new Map([...near].map(([key, { x, y, r }]) => [key, { x: x * wide, y, r }]));
  const all = groups.length > 0 ? groups : [...places.values()];
  const [left, right] = extent(all.flatMap(({ x, r }) => [x - r, x + r]));
  const [top, bottom] = extent(all.flatMap(({ y, r }) => [y - r, y + r]));
  const [dx, dy] = [(left + right) / 2, (top + bottom) / 2];
  const moved = groups.map((group) => ({ ...group, x: group.x - dx, y: group.y - dy }));
  return {
    places: new Map([...places].map(([key, { x, y, r }]) => [key, { x: x - dx, y: y - dy, r }])),
    groups: moved,
    groupOf: new Map(moved.flatMap((group) => group.nodes.map((node) => [node.key, group]))),
    width: right - left,
    height: bottom - top,
  };
}

function extent(values: readonly number[]): readonly [number, number] {
  let [least, most] = [0, 0];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
