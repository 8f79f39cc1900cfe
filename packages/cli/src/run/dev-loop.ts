import { resolve } from "node:path";
import { isGatewayError } from "@catena/errors";
import type { Settings } from "@catena/gateway";
import type { ConfigStore } from "@catena/store";
import { findConfigFiles } from "../config/find-files.ts";
import { loadConfig } from "../config/load-config.ts";
import { prepareDeploy } from "../deploy/deploy.ts";
import { formatPlan } from "../deploy/format-plan.ts";
import type { Output } from "../output.ts";
import { reportIssues, reportNotes } from "../report.ts";
import { FileWatch, signatureOf } from "./file-watch.ts";

export interface DevLoopOptions {
  readonly paths: readonly string[];
  readonly store: ConfigStore;
  readonly settings: Settings;
  /** The file the settings were read from; they are not read again. */
  readonly settingsFile: string | null;
  readonly output: Output;
}

/**
 * Deploys configs whenever one of their files, or a file they import, is saved. What is wrong is shown
 * and changes nothing: the last good configuration goes on serving. What left the configs leaves the
 * store.
 */
export class DevLoop {
  readonly #options: DevLoopOptions;
  readonly #watch: FileWatch;
  /** What the last outcome depends on, and the state it was in. */
  #dependsOn: readonly string[] = [];
  #signature: string | null = null;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #lastError = "";
  #settingsSignature: string;

  constructor(options: DevLoopOptions) {
    this.#options = options;
    this.#settingsSignature = signatureOf(
      options.settingsFile === null ? [] : [options.settingsFile],
    );
    this.#watch = new FileWatch({
      paths: options.paths,
      onChange: () => void this.deploy(),
    });
  }

  /** Deploys what changed since the last time; one deploy at a time. */
  deploy(): Promise<void> {
    this.#running = this.#running.then(async () => {
      // What is saved while a deploy runs is deployed by the next round.
      while (!this.#stopped && this.#sign() !== this.#signature) {
        if (!(await this.#deployOnce())) break;
      }
      this.#tellOfSettings();
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watch.stop();
    await this.#running;
  }

  #sign(): string {
    const found = findConfigFiles(this.#options.paths).value ?? [];
    const files = new Set([...found.map(({ path }) => resolve(path)), ...this.#dependsOn]);
    return signatureOf([...files]);
  }

  /** @returns whether it came to an outcome; otherwise it is to be tried again later. */
  async #deployOnce(): Promise<boolean> {
    const { output } = this.#options;
    const before = this.#sign();
    try {
      const dependsOn = await this.#loadAndWrite();
      // A file that is imported from now on is compared from now on.
      const isSame = this.#sign() === before;
      this.#dependsOn = dependsOn;
      this.#watch.add(dependsOn);
      this.#signature = isSame ? this.#sign() : null;
      this.#lastError = "";
      return true;
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      // Nothing is wrong with the files: the next poll tries again, and once is enough to say why.
      this.#signature = null;
      if (error.message !== this.#lastError) {
        output.err(`${output.style.red("error")} ${error.message}; trying again`);
      }
      this.#lastError = error.message;
      return false;
    }
  }

  /** @returns the files the outcome depends on. */
  async #loadAndWrite(): Promise<readonly string[]> {
    const { paths, store, settings, output } = this.#options;
    const knownHosts = new Set(Object.keys(settings.resolver.hosts));
    const { value, issues, dependsOn } = await loadConfig(paths, { target: "catena", knownHosts });
    if (value === undefined) {
      this.#refuse(issues);
      return dependsOn;
    }
    reportNotes(value.notes, output);
    const prepared = await prepareDeploy(value.resources, {
      store,
      prefix: settings.prefix,
      name: "dev",
      prune: true,
      keyring: settings.keyring,
      now: Math.floor(Date.now() / 1000),
    });
    if (prepared.issues.length > 0) this.#refuse(prepared.issues);
    else if ((await prepared.commit()) !== null) {
      output.err(formatPlan(prepared.plan, output.style));
    }
    return dependsOn;
  }

  #tellOfSettings(): void {
    const { settingsFile, output } = this.#options;
    if (settingsFile === null) return;
    const signature = signatureOf([settingsFile]);
    if (signature === this.#settingsSignature) return;
    this.#settingsSignature = signature;
    output.err(output.style.yellow(`${settingsFile} changed: start again to use it`));
  }

  #refuse(issues: Parameters<typeof reportIssues>[0]): void {
    const { output } = this.#options;
    reportIssues(issues, output);
    output.err("not deployed; the last good configuration goes on serving");
  }
}
