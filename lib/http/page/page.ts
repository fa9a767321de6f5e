/**
 * The page at `/`: one document without any other resource, which reads `/events` and draws what it hears. Its source is in
 * `web`, and what a browser is sent of it in `gen`.
 * @module
 */

import type { Context } from "hono";
import { PAGE_SCRIPT, PAGE_STYLE } from "./gen/page_bundle.ts";

/** The icon of its pages. */
export const PAGE_ICON: string = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M4 12V8a4 4 0 0 1 8 0v4M4 4v2m8-2v2" ' +
    'fill="none" stroke="#3a7d74" stroke-width="2" stroke-linecap="round"/></svg>',
);

/** The whole document; it says what it is before any script has run. */
export const PAGE_HTML: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>weft</title>
<link rel="icon" href="${PAGE_ICON}">
<style>${PAGE_STYLE}</style>
</head>
<body>
<div id="app">
<noscript><p>This page needs JavaScript; <a href="/status">/status</a> is the same as JSON.</p></noscript>
</div>
<script type="module">${PAGE_SCRIPT}</script>
</body>
</html>
`;

/** Answers with the page; its policy lets exactly its own style and script run. */
export async function pageResponse(context: Context): Promise<Response> {
  const [style, script] = await Promise.all([sourceHash(PAGE_STYLE), sourceHash(PAGE_SCRIPT)]);
  const policy = [
    "default-src 'none'",
    `style-src ${style}`,
    `script-src ${script}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return context.html(PAGE_HTML, 200, { "content-security-policy": policy.join("; ") });
}

/** Content Security Policy Level 3 §2.3.1: a hash source. */
export async function sourceHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}
