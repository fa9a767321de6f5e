/**
 * What a release has beside its binaries: archives, packages of distributions, the bill of materials, recipes of other
 * package managers, and the image of a container. Each is made of binaries that are there; nothing is compiled here.
 *
 *     dist/weft-linux-x64 ─┬─▶ archive.ts ─▶ weft-VERSION-linux-x64.tar.gz ─▶ recipes.ts ─▶ weft.rb, weft.nix
 *                          └─▶ tree.ts ─▶ linux_packages.ts ─▶ .deb, .rpm
 *
 * @module
 */

export * from "./archive.ts";
export * from "./bill_of_materials.ts";
export * from "./linux_packages.ts";
export * from "./recipes.ts";
