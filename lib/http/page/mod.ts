/**
 * What a browser is shown at `/`: the page of the mesh, and until somebody has typed the token a form that asks for it. Both
 * are one document each, which asks no other host for anything and runs only what is its own.
 * @module
 */

export { loginResponse } from "./login_page.ts";
export { PAGE_HTML, pageResponse } from "./page.ts";
