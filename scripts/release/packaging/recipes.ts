/**
 * How other package managers get a release: a Homebrew formula and a Nix expression, which name its archives and their sums.
 * @module
 */

import { archiveName } from "./archive.ts";
import { type Target, TARGETS } from "../targets.ts";

/** Where releases are; `VERSION` and `FILE` stand for both. */
export interface ReleasePlace {
  /** The page of the project. */
  readonly homepage: string;
  readonly version: string;
  /** @returns the SHA-256 of a file of the release, in hex @throws Error when there is none */
  sumOf(file: string): string;
}

const DESCRIPTION = "Private network of machines by WireGuard's protocol";

/** @returns the formula, for macOS and Linux */
export function homebrewFormula(place: ReleasePlace): string {
  const on = (os: string, cpu: string, triple: string): string => {
    const { url, sum } = archive(place, triple);
    return `  on_${os} do\n    on_${cpu} do\n      url "${url}"\n      sha256 "${sum}"\n    end\n  end\n`;
  };
  return `class Weft < Formula
  desc "${DESCRIPTION}"
  homepage "${place.homepage}"
  version "${place.version}"
  license "MIT"

${on("macos", "arm", "aarch64-apple-darwin")}${on("macos", "intel", "x86_64-apple-darwin")}${
    on("linux", "arm", "aarch64-unknown-linux-gnu")
  }${on("linux", "intel", "x86_64-unknown-linux-gnu")}
  def install
    bin.install "weft"
    man1.install "weft.1"
    bash_completion.install "completions/weft.bash" => "weft"
    zsh_completion.install "completions/weft.zsh" => "_weft"
    fish_completion.install "completions/weft.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/weft --version")
  end
end
`;
}

/** @returns an expression for \`callPackage\`; the program must not be stripped, which takes off what it runs */
export function nixExpression(place: ReleasePlace): string {
  const of = (system: string, triple: string): string => {
    const { url, sum } = archive(place, triple);
    return `    ${system} = {\n      url = "${url}";\n      sha256 = "${sum}";\n    };\n`;
  };
  return `{
  lib,
  stdenv,
  fetchurl,
  autoPatchelfHook,
}:

let
  archives = {
${of("x86_64-linux", "x86_64-unknown-linux-gnu")}${of("aarch64-linux", "aarch64-unknown-linux-gnu")}${
    of("x86_64-darwin", "x86_64-apple-darwin")
  }${of("aarch64-darwin", "aarch64-apple-darwin")}  };
in
stdenv.mkDerivation {
  pname = "weft";
  version = "${place.version}";
  src = fetchurl archives.\${stdenv.hostPlatform.system};
  nativeBuildInputs = lib.optional stdenv.hostPlatform.isLinux autoPatchelfHook;
  buildInputs = lib.optional stdenv.hostPlatform.isLinux stdenv.cc.cc.lib;
  dontStrip = true;
  installPhase = ''
    install -Dm755 weft $out/bin/weft
    install -Dm644 weft.1 $out/share/man/man1/weft.1
    install -Dm644 completions/weft.bash $out/share/bash-completion/completions/weft
    install -Dm644 completions/weft.zsh $out/share/zsh/site-functions/_weft
    install -Dm644 completions/weft.fish $out/share/fish/vendor_completions.d/weft.fish
  '';
  meta = {
    description = "${DESCRIPTION}";
    homepage = "${place.homepage}";
    license = lib.licenses.mit;
    mainProgram = "weft";
    platforms = builtins.attrNames archives;
  };
}
`;
}

function archive(place: ReleasePlace, triple: string): { readonly url: string; readonly sum: string } {
  const target = TARGETS.find((each) => each.triple === triple) as Target;
  const file = archiveName(target, place.version);
  return { url: `${place.homepage}/releases/download/v${place.version}/${file}`, sum: place.sumOf(file) };
}
