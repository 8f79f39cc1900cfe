import { type FSWatcher, statSync, watch } from "node:fs";
import { isGatewayError } from "@catena/errors";
import type { Settings } from "@catena/gateway";
import type { ConfigStore } from "@catena/store";
import { loadConfig } from "../config/load-config.ts";
import { prepareDeploy } from "../deploy/deploy.ts";
import { formatPlan } from "../deploy/format-plan.ts";
import type { Output } from "../output.ts";
import { reportIssues, reportNotes } from "../report.ts";

export interface DevLoopOptions {
  readonly paths: readonly string[];
  readonly store: ConfigStore;
  readonly settings: Settings;
  readonly output: Output;
}

/** Editors write a file in several steps; changes within this time, in milliseconds, are one. */
const settleMs = 15;

/**
 * Deploys configs whenever one of their files is saved. What is wrong is shown and changes nothing:
 * the last good configuration goes on serving. What left the configs leaves the store.
 */
export class DevLoop {
  readonly #options: DevLoopOptions;
  readonly #watchers: FSWatcher[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: DevLoopOptions) {
    this.#options = options;
  }

  /** Deploys now; one deploy at a time. */
  deploy(): Promise<void> {
    this.#running = this.#running.then(() => this.#deployOnce());
    return this.#running;
  }

  watch(): void {
    for (const path of this.#options.paths) {
      const recursive = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
      this.#watchers.push(watch(path, { recursive }, () => this.#onChange()));
    }
  }

  stop(): void {
    for (const watcher of this.#watchers) watcher.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #onChange(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.deploy();
    }, settleMs);
  }

  async #deployOnce(): Promise<void> {
    const { paths, store, settings, output } = this.#options;
    const knownHosts = new Set(Object.keys(settings.resolver.hosts));
    try {
      const { value, issues } = await loadConfig(paths, { target: "catena", knownHosts });
      if (value === undefined) {
        reportIssues(issues, output);
        output.err("not deployed; the last good configuration goes on serving");
        return;
      }
      reportNotes(value.notes, output);
      const prepared = await prepareDeploy(value.resources, {
        store,
        prefix: settings.prefix,
        name: "dev",
        prune: true,
        now: Math.floor(Date.now() / 1000),
      });
      if ((await prepared.commit()) === null) return;
      output.err(formatPlan(prepared.plan, output.style));
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      output.err(`${output.style.red("error")} ${error.message}`);
    }
  }
}
