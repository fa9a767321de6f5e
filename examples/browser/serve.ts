/**
 * Bundles the page and serves it on this host: `deno task example:browser`.
 * @module
 */

const FOLDER = new URL(".", import.meta.url);

/**
 * @param entry the script, from this folder on
 * @param isShort whether names are shortened
 * @returns it with all that it imports, for browsers
 * @throws Error when it can't be bundled
 */
export async function bundlePage(entry = "page.ts", isShort = true): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir();
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform", "browser", ...isShort ? ["--minify"] : []],
        ...["-o", `${folder}/page.js`, entry],
      ],
      cwd: FOLDER,
    }).output();
    if (!success) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(`${folder}/page.js`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Serves the page at 127.0.0.1. @param port 0 for any */
export async function servePage(port: number): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const script = await bundlePage();
  const page = await Deno.readFile(new URL("index.html", FOLDER));
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/page.js") {
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    }
    if (pathname !== "/") return new Response("not found", { status: 404 });
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
  });
}

if (import.meta.main) {
  const { addr } = await servePage(8080);
  // deno-lint-ignore no-console -- a command prints
  console.log(`Open http://127.0.0.1:${addr.port}/ and paste a token of a leader`);
}
