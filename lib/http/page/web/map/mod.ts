/**
 * The map: where nodes stand, how they and their links look, and what a hand or a key does to it. It knows nothing of where
 * the mesh comes from.
 *
 *     Mesh ── layoutOf() ──▶ Layout ──▶ MeshMap: Camera, MapPainter ──▶ a canvas
 *
 * @module
 */

export { layoutOf } from "./mesh_layout.ts";
export { MeshMap } from "./mesh_map.tsx";
