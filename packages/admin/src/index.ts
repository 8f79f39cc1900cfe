export { createAdminApp } from "./admin-app.ts";
export type { AdminKey, AdminOptions } from "./admin-options.ts";
export { adminErrors } from "./errors.ts";
export { type AdminServer, listenAdmin } from "./listen-admin.ts";
