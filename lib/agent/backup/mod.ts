/**
 * A node as a file, and back: all that its state directory holds of it, sealed, while it runs or not. A node that comes
 * back by an older copy gives nothing out twice, see `noteRestored`.
 * @module
 */

export * from "./backup_file.ts";
export * from "./node_backup.ts";
