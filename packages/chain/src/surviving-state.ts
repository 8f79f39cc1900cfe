/** What outlives a change of configuration: breakers, caches and calls that are being waited for. */
export interface SurvivingState {
  readonly owner: string;
}
