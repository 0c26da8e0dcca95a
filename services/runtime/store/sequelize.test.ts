import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
  UniqueConstraintError,
} from "sequelize";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openFresh } from "../../../test/support/open-database.ts";
import { bigint, integer, timeMs } from "./column.ts";
import type { Database } from "./database.ts";
import type { Migration } from "./migration.ts";

class Person extends Model<InferAttributes<Person>, InferCreationAttributes<Person>> {
  declare id: CreationOptional<number>;
  declare name: string;
  declare points: string | number | null;
  declare bornAt: Date | null;
  declare active: boolean | null;
}

const people: Migration = {
  name: "0001-people",
  up: async ({ sql, types, createTable }) => {
    await createTable(
      "people",
      `id ${types.autoId},
       name ${types.text(50)} not null,
       points ${types.bigint},
       born_at ${types.time},
       active ${types.flag}`,
    );
    await sql.run("create unique index people_name on people (name)");
  },
  down: async ({ sql }) => void (await sql.run("drop table people")),
};

describe.each(databaseKinds)("Sequelize models on %s", (kind) => {
  let database: Database;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    ({ database, dispose } = await openFresh(kind, [people]));
    Person.init(
      {
        id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
        name: DataTypes.STRING(50),
        points: DataTypes.BIGINT,
        bornAt: DataTypes.DATE(3),
        active: DataTypes.BOOLEAN,
      },
      { sequelize: database.sequelize, tableName: "people", timestamps: false, underscored: true },
    );
  });
  afterAll(() => dispose());

  test("write and read the same values as hot statements", async () => {
    const born = new Date("2001-02-03T04:05:06.789Z");
    await Person.create({ name: "ann", points: "9223372036854775807", bornAt: born, active: true });
    const [row] = await database.read.all("select points, born_at from people where name = 'ann'");
    expect(bigint(row?.points)).toBe(9223372036854775807n);
    expect(timeMs(row?.born_at)).toBe(born.getTime());
    const found = await Person.findOne({ where: { name: "ann" } });
    expect(String(found?.points)).toBe("9223372036854775807");
    expect(found?.bornAt?.getTime()).toBe(born.getTime());
    expect(Boolean(found?.active)).toBe(true);
  });

  test("read what hot statements wrote", async () => {
    await database.read.run("insert into people (name, born_at) values ('bob', ?)", [database.dialect.time(1000)]);
    expect((await Person.findOne({ where: { name: "bob" } }))?.bornAt?.getTime()).toBe(1000);
    expect(await Person.count({ where: { bornAt: new Date(1000) } })).toBe(1);
  });

  test("tell a duplicate from other errors", async () => {
    await Person.create({ name: "dup", points: 1, bornAt: null, active: null });
    await expect(Person.create({ name: "dup", points: 1, bornAt: null, active: null })).rejects.toBeInstanceOf(
      UniqueConstraintError,
    );
  });

  test("update, delete, upsert, find or create and write in bulk", async () => {
    await Person.bulkCreate(["x1", "x2", "x3"].map((name) => ({ name, points: 1, bornAt: null, active: false })));
    expect(await Person.update({ points: 5 }, { where: { name: ["x1", "x2"] } })).toEqual([2]);
    expect(await Person.destroy({ where: { name: "x3" } })).toBe(1);
    const [, created] = await Person.findOrCreate({
      where: { name: "x1" },
      defaults: { name: "x1", points: 0, bornAt: null, active: null },
    });
    expect(created).toBe(false);
    expect(Number(await Person.sum("points", { where: { name: ["x1", "x2"] } }))).toBe(10);
  });

  test("commit and roll back in Sequelize's own transactions", async () => {
    const { sequelize } = database;
    await sequelize.transaction((transaction) =>
      Person.create({ name: "kept", points: 1, bornAt: null, active: null }, { transaction }),
    );
    const failing = sequelize.transaction(async (transaction) => {
      await Person.create({ name: "gone", points: 1, bornAt: null, active: null }, { transaction });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await Person.count({ where: { name: ["kept", "gone"] } })).toBe(1);
  });

  test("20 concurrent transactions of models beside 20 units of work all commit", async () => {
    const before = await Person.count();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => [
        database.sequelize.transaction(async (transaction) => {
          await Person.create({ name: `m${index}`, points: 1, bornAt: null, active: null }, { transaction });
          await Person.create({ name: `n${index}`, points: 1, bornAt: null, active: null }, { transaction });
        }),
        database.transact((uow) => uow.run("insert into people (name) values (?)", [`u${index}`])),
      ]).flat(),
    );
    expect(await Person.count()).toBe(before + 60);
  });

  test("generated ids count up and are never used again", async () => {
    const last = await Person.create({ name: "last", points: 1, bornAt: null, active: null });
    await last.destroy();
    const next = await Person.create({ name: "next", points: 1, bornAt: null, active: null });
    expect(integer(next.id)).toBeGreaterThan(integer(last.id));
  });
});
