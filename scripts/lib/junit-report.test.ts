import { describe, expect, test } from "bun:test";
import { parseJunit } from "./junit-report.ts";

describe("parseJunit", () => {
  test("tells passed, failed and skipped tests and names them", () => {
    const report = parseJunit(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" failures="2" skipped="1">
  <testsuite name="a.test.ts" file="a.test.ts">
    <testcase name="one" classname="" time="0" file="a.test.ts" line="1" assertions="1" />
    <testcase name="a &lt; b &amp;&amp; &quot;c&quot;&#10;d" classname="group" file="a.test.ts">
      <failure type="AssertionError" message="&lt;skipped">text &lt;/testcase&gt;</failure>
    </testcase>
    <testcase name="later" classname="group" file="a.test.ts"><skipped message="TODO" /></testcase>
    <testcase name="two" classname="" file="b.test.ts"><error message="x">y</error></testcase>
  </testsuite>
</testsuites>`);
    expect(report).toEqual({
      passed: 1,
      failed: ['a.test.ts > group > a < b && "c"\nd', "b.test.ts > two"],
      skipped: ["a.test.ts > group > later"],
      files: new Set(["a.test.ts", "b.test.ts"]),
    });
  });

  test("finds nothing in an empty report", () => {
    expect(parseJunit("")).toEqual({ passed: 0, failed: [], skipped: [], files: new Set() });
  });
});
