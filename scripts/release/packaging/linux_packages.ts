/**
 * Packages for the managers of distributions: deb(5) by `dpkg-deb`, RPM by `rpmbuild`.
 * @module
 */

import { outputOf, run } from "../command.ts";
import { layOut } from "./tree.ts";

/** What there are packages for. */
export const MACHINES = ["x64", "arm64"] as const;

/** One of them. */
export type Machine = typeof MACHINES[number];

/** What is packaged. */
export interface LinuxPackage {
  /** The path of the binary. */
  readonly program: string;
  readonly version: string;
  /** What runs it. */
  readonly machine: Machine;
  /** Where the package goes. */
  readonly folder: string;
}

const SUMMARY = "private network of machines by WireGuard's protocol";
const DESCRIPTION = [
  "Every machine that joins gets an address, a name and encrypted direct paths to all",
  "others. weft brings its own WireGuard, name server, overlay networks, policies and",
  "services that call each other, in one program.",
];
const MAINTAINER = "The weft maintainers <maintainers@weft.example>";
/** As Debian and as RPM call the machines. */
const ARCHITECTURES = { x64: ["amd64", "x86_64"], arm64: ["arm64", "aarch64"] } as const;
/** The program is the runtime with what it runs behind it: whatever changes the file, breaks it. */
const NO_CHANGES = [
  "%global __strip /bin/true",
  "%global debug_package %{nil}",
  "%global __os_install_post %{nil}",
];

/** @returns the name of a package's file */
export function debName(version: string, machine: Machine): string {
  return `weft_${version}_${ARCHITECTURES[machine][0]}.deb`;
}

/** @returns the name of a package's file */
export function rpmName(version: string, machine: Machine): string {
  return `weft-${version}-1.${ARCHITECTURES[machine][1]}.rpm`;
}

/** @returns the path of the package that was made @throws Error when `dpkg-deb` fails */
export async function makeDeb({ program, version, machine, folder }: LinuxPackage): Promise<string> {
  const [architecture] = ARCHITECTURES[machine];
  const tree = await Deno.makeTempDir({ prefix: "weft-deb-" });
  try {
    await Deno.chmod(tree, 0o755);
    await layOut(program, tree);
    await run(["gzip", "-9n", `${tree}/usr/share/man/man1/weft.1`]);
    const size = Number((await outputOf(["du", "-ks", tree])).split("\t")[0]);
    await Deno.mkdir(`${tree}/DEBIAN`);
    await Deno.writeTextFile(
      `${tree}/DEBIAN/control`,
      [
        "Package: weft",
        `Version: ${version}`,
        `Architecture: ${architecture}`,
        `Maintainer: ${MAINTAINER}`,
        `Installed-Size: ${size}`,
        "Depends: libc6 (>= 2.27), libgcc-s1",
        "Recommends: iproute2",
        "Suggests: wireguard-tools",
        "Section: net",
        "Priority: optional",
        `Description: ${SUMMARY}`,
        ...DESCRIPTION.map((line) => ` ${line}`),
        "",
      ].join("\n"),
    );
    const out = `${folder}/${debName(version, machine)}`;
    await run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, out]);
    return out;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** @returns the path of the package that was made @throws Error when `rpmbuild` fails */
export async function makeRpm({ program, version, machine, folder }: LinuxPackage): Promise<string> {
  const [, architecture] = ARCHITECTURES[machine];
  const work = await Deno.makeTempDir({ prefix: "weft-rpm-" });
  try {
    const tree = `${work}/tree`;
    await Deno.mkdir(tree);
    await layOut(program, tree);
    // Where Fedora's zsh looks; Debian's has a folder for what packages bring.
    await Deno.mkdir(`${tree}/usr/share/zsh/site-functions`, { recursive: true });
    await Deno.rename(
      `${tree}/usr/share/zsh/vendor-completions/_weft`,
      `${tree}/usr/share/zsh/site-functions/_weft`,
    );
    await Deno.remove(`${tree}/usr/share/zsh/vendor-completions`);
    const files = (await outputOf(["find", tree, "-type", "f", "-printf", "/%P\\n"])).trim().split("\n")
      .sort();
    const spec = `${work}/weft.spec`;
    await Deno.writeTextFile(
      spec,
      [
        ...NO_CHANGES,
        "Name: weft",
        // A hyphen parts the version from the release there.
        `Version: ${version.replace("-", "~")}`,
        "Release: 1",
        `Summary: ${SUMMARY.charAt(0).toUpperCase()}${SUMMARY.slice(1)}`,
        "License: MIT",
        "Recommends: iproute",
        "AutoReqProv: no",
        "Requires: glibc >= 2.27, libgcc",
        "%description",
        ...DESCRIPTION,
        "%install",
        `cp -a ${tree}/. %{buildroot}`,
        "%files",
        ...files,
        "",
      ].join("\n"),
    );
    await run([
      ...["rpmbuild", "-bb", "--quiet", "--target", architecture, "--define", `_topdir ${work}/build`],
      ...["--define", `_rpmdir ${work}/out`, "--define", "_build_id_links none", spec],
    ]);
    const made = `${work}/out/${architecture}/weft-${version.replace("-", "~")}-1.${architecture}.rpm`;
    const out = `${folder}/${rpmName(version, machine)}`;
    await Deno.copyFile(made, out);
    return out;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
