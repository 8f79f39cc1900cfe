import { describe, expect, test } from "bun:test";
import { ListenerOrder } from "./listener-order.ts";

/** An order whose clock stands still unless told to go on. */
function createOrder() {
  let now = 0;
  const order = new ListenerOrder<string>(() => now);
  const add = (...names: string[]) => {
    for (const name of names) {
      order.expect();
      order.add(name);
    }
  };
  const wait = (ms: number) => {
    now += ms;
  };
  return { order, add, wait };
}

describe("ListenerOrder", () => {
  test("a new one is last, and the last moves into the place of one that goes", () => {
    const { order, add } = createOrder();
    add("a", "b", "c", "d");
    expect(order.seatOf("d")).toEqual({ index: 3, count: 4 });
    order.remove("b", "told");
    expect(order.seatOf("d")).toEqual({ index: 1, count: 3 });
    expect(order.seatOf("c")).toEqual({ index: 2, count: 3 });
    order.remove("c", "told");
    expect(order.seatOf("d")).toEqual({ index: 1, count: 2 });
    expect(order.seatOf("b")).toBeNull();
  });

  test("a second word of one that is gone changes nothing", () => {
    const { order, add } = createOrder();
    add("a", "b");
    order.remove("a", "told");
    order.remove("a", "died");
    expect(order.seatOf("b")).toEqual({ index: 0, count: 1 });
  });

  test("a death long after anything else leaves no doubt", () => {
    const { order, add, wait } = createOrder();
    add("a", "b", "c");
    wait(5000);
    order.remove("a", "died");
    expect(order.seatOf("c")).toEqual({ index: 0, count: 2 });
  });

  test("after two deaths at a time no seat is known until one is left", () => {
    const { order, add, wait } = createOrder();
    add("a", "b", "c", "d");
    wait(5000);
    order.remove("a", "died");
    order.remove("b", "died");
    expect(order.seatOf("c")).toBeNull();
    add("e");
    order.remove("c", "told");
    expect(order.seatOf("e")).toBeNull();
    order.remove("d", "told");
    expect(order.seatOf("e")).toEqual({ index: 0, count: 1 });
  });

  test("a death while another is told to listen may have been before or after", () => {
    const { order, add, wait } = createOrder();
    add("a", "b", "c");
    wait(5000);
    order.expect();
    order.remove("a", "died");
    order.add("d");
    expect(order.seatOf("d")).toBeNull();
  });
});
