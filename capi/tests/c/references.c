/* References: copies, identity, host pointers and their finalizers, and host objects in programs. */
#include "check.h"

static int finalized = 0;

static void finalizer(void* data) { finalized += (int)(intptr_t)data; }

static void* number(int n) { return (void*)(intptr_t)n; }

static wasm_trap_t* nothing(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)args;
  (void)results;
  return NULL;
}

static wasm_func_t* function(wasm_store_t* store) {
  wasm_functype_t* type = wasm_functype_new_0_0();
  wasm_func_t* func = wasm_func_new(store, type, nothing);
  wasm_functype_delete(type);
  CHECK(func != NULL);
  return func;
}

/* What every kind of reference does; `when` is the finalizer's sum after the last was deleted. */
#define EVERY_REFERENCE(name, object, deleted) \
  do { \
    wasm_##name##_t* a = (object); \
    wasm_##name##_t* b = wasm_##name##_copy(a); \
    int before = finalized; \
    CHECK(a != NULL && b != NULL && a != b); \
    CHECK(wasm_##name##_same(a, b) && !wasm_##name##_same(a, NULL)); \
    CHECK(wasm_##name##_same(NULL, NULL)); \
    CHECK(wasm_##name##_get_host_info(a) == NULL); \
    wasm_##name##_set_host_info(a, number(7)); \
    CHECK(wasm_##name##_get_host_info(b) == number(7)); \
    wasm_##name##_set_host_info_with_finalizer(a, number(1), finalizer); \
    CHECK(wasm_##name##_get_host_info(b) == number(1) && finalized == before); \
    wasm_##name##_set_host_info_with_finalizer(b, number(100), finalizer); \
    CHECK(wasm_##name##_get_host_info(a) == number(100) && finalized == before + 1); \
    CHECK(wasm_##name##_copy(NULL) == NULL && wasm_##name##_get_host_info(NULL) == NULL); \
    wasm_##name##_set_host_info(NULL, NULL); \
    wasm_##name##_delete(a); \
    CHECK(finalized == before + 1); \
    wasm_##name##_delete(b); \
    CHECK(finalized == before + 1 + (deleted)); \
    wasm_##name##_delete(NULL); \
  } while (0)

#define CONVERSIONS(name, object) \
  do { \
    wasm_##name##_t* a = (object); \
    wasm_ref_t* ref = wasm_##name##_as_ref(a); \
    CHECK(wasm_##name##_as_ref_const(a) == ref); \
    CHECK(wasm_ref_as_##name(ref) == a && wasm_ref_as_##name##_const(ref) == a); \
    CHECK(wasm_ref_as_##name(NULL) == NULL && wasm_ref_as_##name##_const(other) == NULL); \
    wasm_##name##_delete(a); \
  } while (0)

#define EXTERN_CONVERSIONS(name, object) \
  do { \
    wasm_##name##_t* a = (object); \
    wasm_extern_t* item = wasm_##name##_as_extern(a); \
    CHECK(wasm_##name##_as_extern_const(a) == item); \
    CHECK(wasm_extern_as_##name(item) == a && wasm_extern_as_##name##_const(item) == a); \
    CHECK(wasm_ref_as_extern(wasm_extern_as_ref(item)) == item); \
    CHECK(wasm_extern_as_##name(NULL) == NULL); \
    wasm_##name##_delete(a); \
  } while (0)

static wasm_global_t* global(wasm_store_t* store) {
  wasm_globaltype_t* type = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_VAR);
  wasm_val_t value = i32(5);
  wasm_global_t* global = wasm_global_new(store, type, &value);
  wasm_globaltype_delete(type);
  return global;
}

static wasm_table_t* table(wasm_store_t* store) {
  wasm_limits_t limits;
  wasm_tabletype_t* type;
  wasm_table_t* table;
  limits.min = 2;
  limits.max = 4;
  type = wasm_tabletype_new(wasm_valtype_new_externref(), &limits);
  table = wasm_table_new(store, type, NULL);
  wasm_tabletype_delete(type);
  return table;
}

static wasm_memory_t* memory(wasm_store_t* store) {
  wasm_limits_t limits;
  wasm_memorytype_t* type;
  wasm_memory_t* memory;
  limits.min = 1;
  limits.max = 2;
  type = wasm_memorytype_new(&limits);
  memory = wasm_memory_new(store, type);
  wasm_memorytype_delete(type);
  return memory;
}

static wasm_trap_t* trap(wasm_store_t* store) {
  wasm_message_t message;
  wasm_trap_t* trap;
  wasm_name_new_from_string_nt(&message, "boo");
  trap = wasm_trap_new(store, &message);
  wasm_byte_vec_delete(&message);
  return trap;
}

static void kinds(wasm_engine_t* engine) {
  wasm_store_t* store = wasm_store_new(engine);
  wasm_ref_t* other;
  int before = finalized;
  EVERY_REFERENCE(ref, wasm_func_as_ref(function(store)), 0);
  EVERY_REFERENCE(func, function(store), 0);
  EVERY_REFERENCE(global, global(store), 0);
  EVERY_REFERENCE(table, table(store), 0);
  EVERY_REFERENCE(memory, memory(store), 0);
  EVERY_REFERENCE(extern, wasm_global_as_extern(global(store)), 0);
  EVERY_REFERENCE(instance, instance_of(store, "(module)", NULL, 0), 0);
  EVERY_REFERENCE(module, module_of(store, "(module)"), 100);
  EVERY_REFERENCE(trap, trap(store), 100);
  EVERY_REFERENCE(foreign, wasm_foreign_new(store), 0);

  other = wasm_foreign_as_ref(wasm_foreign_new(store));
  CONVERSIONS(func, function(store));
  CONVERSIONS(global, global(store));
  CONVERSIONS(table, table(store));
  CONVERSIONS(memory, memory(store));
  CONVERSIONS(instance, instance_of(store, "(module)", NULL, 0));
  CONVERSIONS(module, module_of(store, "(module)"));
  CONVERSIONS(trap, trap(store));
  CONVERSIONS(extern, wasm_memory_as_extern(memory(store)));
  wasm_ref_delete(other);
  other = wasm_func_as_ref(function(store));
  CONVERSIONS(foreign, wasm_foreign_new(store));
  wasm_ref_delete(other);
  EXTERN_CONVERSIONS(func, function(store));
  EXTERN_CONVERSIONS(global, global(store));
  EXTERN_CONVERSIONS(table, table(store));
  EXTERN_CONVERSIONS(memory, memory(store));
  /* Ten kinds, each 1 by replacement and 100 at its end. */
  wasm_store_delete(store);
  CHECK(finalized == before + 10 * 101);
}

static void different_objects_are_not_the_same(wasm_engine_t* engine) {
  wasm_store_t* store = wasm_store_new(engine);
  wasm_func_t *f = function(store), *g = function(store);
  wasm_foreign_t *x = wasm_foreign_new(store), *y = wasm_foreign_new(store);
  CHECK(!wasm_func_same(f, g) && !wasm_foreign_same(x, y));
  CHECK(!wasm_ref_same(wasm_func_as_ref(f), wasm_foreign_as_ref(x)));
  wasm_func_set_host_info(f, number(3));
  CHECK(wasm_func_get_host_info(g) == NULL);
  wasm_func_delete(f);
  wasm_func_delete(g);
  wasm_foreign_delete(x);
  wasm_foreign_delete(y);
  wasm_store_delete(store);
}

/* A reference keeps the store. */
static void a_store_lives_as_long_as_its_references(wasm_engine_t* engine) {
  wasm_store_t* store = wasm_store_new(engine);
  wasm_global_t* kept = global(store);
  wasm_val_t value;
  int before = finalized;
  wasm_global_set_host_info_with_finalizer(kept, number(5), finalizer);
  wasm_store_delete(store);
  CHECK(finalized == before);
  wasm_global_get(kept, &value);
  CHECK(value.kind == WASM_I32 && value.of.i32 == 5);
  wasm_global_delete(kept);
  CHECK(finalized == before + 5);
}

static wasm_func_t* export_func(const wasm_extern_vec_t* exports, size_t i) {
  wasm_func_t* func = wasm_extern_as_func(exports->data[i]);
  CHECK(func != NULL);
  return func;
}

/* Programs hold host objects, and functions and instances in their place. */
static void programs_hold_references(wasm_engine_t* engine) {
  wasm_store_t* store = wasm_store_new(engine);
  wasm_instance_t* instance = instance_of(store,
    "(module (func (export \"id\") (param externref) (result externref) local.get 0)"
    "  (func (export \"f\") (param funcref) (result funcref) local.get 0)"
    "  (func (export \"any\") (result anyref) (ref.i31 (i32.const 5)))"
    "  (func (export \"any2\") (param anyref) (result anyref) local.get 0))", NULL, 0);
  wasm_extern_vec_t exports;
  wasm_val_t arg, result, copy;
  wasm_val_vec_t args = vals(&arg, 1), results = vals(&result, 1), none = vals(NULL, 0);
  wasm_foreign_t* foreign = wasm_foreign_new(store);
  wasm_func_t* func = function(store);
  wasm_trap_t* trap;
  wasm_instance_exports(instance, &exports);
  CHECK(exports.size == 4);
  wasm_foreign_set_host_info(foreign, number(9));

  arg = reference(WASM_EXTERNREF, wasm_foreign_as_ref(foreign));
  CHECK(wasm_func_call(export_func(&exports, 0), &args, &results) == NULL);
  CHECK(result.kind == WASM_EXTERNREF && wasm_ref_get_host_info(result.of.ref) == number(9));
  CHECK(wasm_ref_same(result.of.ref, arg.of.ref));
  wasm_val_copy(&copy, &result);
  CHECK(copy.of.ref != result.of.ref && wasm_ref_same(copy.of.ref, result.of.ref));
  wasm_val_delete(&copy);
  CHECK(copy.kind == WASM_I32 && copy.of.i32 == 0);
  wasm_val_delete(&result);

  arg = reference(WASM_EXTERNREF, NULL);
  CHECK(wasm_func_call(export_func(&exports, 0), &args, &results) == NULL);
  CHECK(result.kind == WASM_EXTERNREF && result.of.ref == NULL);

  arg = reference(WASM_EXTERNREF, wasm_instance_as_ref(instance));
  CHECK(wasm_func_call(export_func(&exports, 0), &args, &results) == NULL);
  CHECK(wasm_ref_as_instance(result.of.ref) != NULL);
  CHECK(wasm_ref_same(result.of.ref, arg.of.ref));
  wasm_val_delete(&result);

  arg = reference(WASM_FUNCREF, wasm_func_as_ref(func));
  CHECK(wasm_func_call(export_func(&exports, 1), &args, &results) == NULL);
  CHECK(result.kind == WASM_FUNCREF && wasm_ref_same(result.of.ref, wasm_func_as_ref(func)));
  wasm_val_delete(&result);

  /* An instance is no function. */
  arg = reference(WASM_FUNCREF, wasm_instance_as_ref(instance));
  trap = wasm_func_call(export_func(&exports, 1), &args, &results);
  CHECK(trap != NULL);
  wasm_trap_delete(trap);
  /* Nor is a number a reference. */
  arg = i32(1);
  trap = wasm_func_call(export_func(&exports, 0), &args, &results);
  CHECK(trap_says(trap, "type mismatch"));
  wasm_trap_delete(trap);

  CHECK(wasm_func_call(export_func(&exports, 2), &none, &results) == NULL);
  CHECK(result.kind == 130 && result.of.ref != NULL);
  arg = result;
  CHECK(wasm_func_call(export_func(&exports, 3), &args, &results) == NULL);
  CHECK(wasm_ref_same(arg.of.ref, result.of.ref));
  wasm_val_delete(&arg);
  wasm_val_delete(&result);
  wasm_val_delete(NULL);

  wasm_foreign_delete(foreign);
  wasm_func_delete(func);
  wasm_extern_vec_delete(&exports);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
}

static void value_vectors(wasm_engine_t* engine) {
  wasm_store_t* store = wasm_store_new(engine);
  wasm_val_t elements[2];
  wasm_val_vec_t a, b;
  elements[0] = i64(-1);
  elements[1] = reference(WASM_EXTERNREF, wasm_foreign_as_ref(wasm_foreign_new(store)));
  wasm_val_vec_new(&a, 2, elements);
  wasm_val_vec_copy(&b, &a);
  CHECK(b.size == 2 && b.data[0].of.i64 == -1);
  CHECK(b.data[1].of.ref != a.data[1].of.ref && wasm_ref_same(b.data[1].of.ref, a.data[1].of.ref));
  wasm_val_vec_delete(&a);
  wasm_val_vec_delete(&b);
  wasm_val_vec_new_empty(&a);
  CHECK(a.size == 0);
  wasm_val_vec_new_uninitialized(&a, 2);
  CHECK(a.size == 2 && a.data[1].kind == WASM_I32 && a.data[1].of.i32 == 0);
  wasm_val_vec_delete(&a);
  wasm_store_delete(store);
}

/* The finalizer of a foreign object, which uses the store that runs it: the call fails. */
static wasm_memory_t* used_by_finalizer;
static void using_finalizer(void* data) {
  *(size_t*)data = wasm_memory_data_size(used_by_finalizer) + 1;
}

static void finalizers_cannot_use_their_store(wasm_engine_t* engine) {
  wasm_store_t* store = wasm_store_new(engine);
  size_t seen = 0;
  wasm_foreign_t* foreign = wasm_foreign_new(store);
  used_by_finalizer = memory(store);
  wasm_foreign_set_host_info_with_finalizer(foreign, &seen, using_finalizer);
  wasm_foreign_delete(foreign);
  CHECK(seen == 0);
  CHECK(wasm_memory_data_size(used_by_finalizer) == 65536);
  /* By C's own hand it can: nobody is using the store then. */
  foreign = wasm_foreign_new(store);
  wasm_foreign_set_host_info_with_finalizer(foreign, &seen, using_finalizer);
  wasm_foreign_set_host_info(foreign, NULL);
  CHECK(seen == 65537);
  seen = 0;
  wasm_memory_delete(used_by_finalizer);
  used_by_finalizer = NULL;
  wasm_foreign_delete(foreign);
  wasm_store_delete(store);
  CHECK(seen == 1);
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  kinds(engine);
  different_objects_are_not_the_same(engine);
  a_store_lives_as_long_as_its_references(engine);
  programs_hold_references(engine);
  value_vectors(engine);
  finalizers_cannot_use_their_store(engine);
  wasm_engine_delete(engine);
  puts("ok");
  return 0;
}
