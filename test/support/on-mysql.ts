/** Whether `npm run test:mysql` runs: then the database kind `mysql` is Oracle's MySQL, and no other kind is tested; else it is MariaDB. */
export const onMysql = process.env.TEST_ON_MYSQL === "true";
