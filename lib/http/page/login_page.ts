/**
 * What a browser is shown at `/` until somebody has typed the token.
 * @module
 */

import type { Context } from "hono";
import { PAGE_ICON, sourceHash } from "./page.ts";

const STYLE = `
:root { color-scheme: light dark; }
body {
  margin: 0 auto; padding: 4rem 1.25rem; max-width: 30rem;
  background: light-dark(#f6f5f1, #15181a); color: light-dark(#22292b, #e4e6e3);
  font: 1rem/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif;
}
h1 { font-size: 1.5rem; font-weight: 600; }
label { display: block; margin: 1.5rem 0 .4rem; }
input, button { font: inherit; padding: .5rem .7rem; border-radius: .4rem; border: 1px solid light-dark(#5d686a, #9aa5a6); }
input { width: 100%; box-sizing: border-box; background: transparent; color: inherit; }
button { margin-top: .8rem; border-color: transparent; background: light-dark(#3a7d74, #6fb9ad); color: light-dark(#fffefb, #15181a); }
:focus-visible { outline: 2px solid light-dark(#3a7d74, #6fb9ad); outline-offset: 2px; }
[role="alert"] { color: light-dark(#a8403a, #e5877f); }
`;

/** It says nothing of the node: who reads it has shown nothing yet. */
function loginHtml(isWrong: boolean): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>weft</title>
<link rel="icon" href="${PAGE_ICON}">
<style>${STYLE}</style>
</head>
<body>
<h1>weft</h1>
${isWrong ? '<p role="alert">That is not this node’s token.</p>' : ""}
<form method="post" action="/">
<label for="token">The token that <code>weft status token</code> prints on this node</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password" maxlength="512">
<button>Show the mesh</button>
</form>
</body>
</html>
`;
}

/** Answers 401 with a form; its policy lets it send to this node alone, and run nothing. */
export async function loginResponse(context: Context, isWrong: boolean): Promise<Response> {
  const policy = [
    "default-src 'none'",
    `style-src ${await sourceHash(STYLE)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return context.html(loginHtml(isWrong), 401, {
    "content-security-policy": policy.join("; "),
    // Without any, a form is sent with `Origin: null` (Fetch §3.2), as other sites' forms can be.
    "referrer-policy": "same-origin",
  });
}
