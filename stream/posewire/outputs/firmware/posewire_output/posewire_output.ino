// Posewire's firmware for Arduino and Teensy: outputs that end by themselves. Protocol and wiring: docs/serial.md.
// Open this file in the Arduino IDE, choose the board, upload. Nothing else is needed.

#include <Arduino.h>

#include "device.h"

// Speed of boards whose USB is a separate chip (Uno, Mega, Nano); boards with USB of their own ignore it. An output
// says `baud = ...` with the same number. 1000000 is exact on a 16 MHz AVR, and nine times as fast.
#ifndef POSEWIRE_BAUD
#define POSEWIRE_BAUD 115200
#endif

// 1: the chip's own watchdog restarts it, outputs off, when this program hangs. Only with a bootloader that switches it
// off again (Optiboot of the Uno does; older ones of Nano and Mega restart for ever). AVR and RP2040 (Earle Philhower's
// core) alone; not run on hardware.
#ifndef POSEWIRE_HARDWARE_WATCHDOG
#define POSEWIRE_HARDWARE_WATCHDOG 0
#endif

#if POSEWIRE_HARDWARE_WATCHDOG && defined(__AVR__)
#include <avr/wdt.h>
#define WATCHDOG_BEGIN() wdt_enable(WDTO_250MS)
#define WATCHDOG_FEED() wdt_reset()
#elif POSEWIRE_HARDWARE_WATCHDOG && defined(ARDUINO_ARCH_RP2040) && !defined(ARDUINO_ARCH_MBED)
#define WATCHDOG_BEGIN() rp2040.wdt_begin(250)
#define WATCHDOG_FEED() rp2040.wdt_reset()
#else
#define WATCHDOG_BEGIN()
#define WATCHDOG_FEED()
#undef POSEWIRE_HARDWARE_WATCHDOG
#define POSEWIRE_HARDWARE_WATCHDOG 0
#endif

namespace posewire {

uint32_t board_micros() { return micros(); }

bool board_can(uint8_t pin, bool analog) {
#if defined(__AVR__) && !defined(USBCON)
  if (pin < 2) return false;  // the port's own two lines
#endif
#ifdef NUM_DIGITAL_PINS
  if (pin >= NUM_DIGITAL_PINS) return false;
#endif
#if defined(__AVR__) && defined(digitalPinHasPWM)
  if (analog && !digitalPinHasPWM(pin)) return false;
#else
  (void)analog;
#endif
  return true;
}

void board_claim(uint8_t pin, bool high) {
  digitalWrite(pin, high ? HIGH : LOW);  // before it is an output, so that it never shows the other level
  pinMode(pin, OUTPUT);
  digitalWrite(pin, high ? HIGH : LOW);
}

void board_output(uint8_t pin, bool high) { digitalWrite(pin, high ? HIGH : LOW); }

void board_value(uint8_t pin, uint16_t value) {
#if defined(__AVR__)
  analogWrite(pin, value >> 8);  // 8 bits
#else
  analogWrite(pin, value >> 4);  // 12 bits, as set below
#endif
}

void board_send(const uint8_t *bytes, uint8_t count) {
  // A host that does not read must not hold up the outputs: what does not fit is not sent.
  if (Serial.availableForWrite() >= (int)count) Serial.write(bytes, count);
}

uint8_t board_features() { return POSEWIRE_HARDWARE_WATCHDOG ? HAS_HARDWARE_WATCHDOG : 0; }

}  // namespace posewire

static posewire::Device device;

void setup() {
#if !defined(__AVR__)
  analogWriteResolution(12);
#endif
  Serial.begin(POSEWIRE_BAUD);
  device.begin();
  WATCHDOG_BEGIN();
}

void loop() {
  WATCHDOG_FEED();
  device.tick();
  // One byte in a turn: what is due is never later than the handling of one frame.
  if (Serial.available() > 0) device.receive((uint8_t)Serial.read());
}
